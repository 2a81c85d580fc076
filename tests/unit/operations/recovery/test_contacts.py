"""Bringing contacts up to date from results."""

from __future__ import annotations

from streams.testing import MemoryStore
from tests.support.lost_store import LosableInstallation, knowledge
from topics.events import LeadMatched, LeadReceived, LeadValidated


def test_a_contact_whose_lead_no_topic_holds_any_more_is_as_its_result_shows_it(
    onboarding: LosableInstallation,
) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG", city="Bonn")
    cluster = onboarding.cluster
    (was,) = knowledge(onboarding.store)["contacts"]
    for event in (LeadReceived, LeadValidated, LeadMatched):
        cluster.log.topics[cluster.names.of(event)].clear()
    backup = MemoryStore()

    onboarding.lose_the_store(backup)

    (now,) = knowledge(backup)["contacts"]
    assert now[:-1] == was[:-1]
    assert {name: field[0] for name, field in now[-1].items()} == {
        name: field[0] for name, field in was[-1].items()
    }
