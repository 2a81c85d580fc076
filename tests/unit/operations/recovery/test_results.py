"""Taking results from their topics into the store."""

from __future__ import annotations

from dataclasses import replace

import orjson

from streams.testing.log import LogRecord
from tests.support.lost_store import LosableInstallation, copy_of, knowledge, work_a_day
from topics.events import EVENTS, LeadAssigned

NOT_YET = {"ce_effect", "ce_effectref"}


def as_the_previous_build_stated_it(record: LogRecord) -> LogRecord:
    """Return a result without the headers that prove a call, and without the number of a turn."""
    value = record.value
    if record.topic.endswith(LeadAssigned.topic):
        value = orjson.dumps(
            {name: part for name, part in orjson.loads(value or b"").items() if name != "turn"}
        )
    headers = [(name, text) for name, text in record.headers if name not in NOT_YET]
    return replace(record, value=value, headers=headers)


def test_a_store_catches_up_from_what_the_previous_build_stated(onboarding: LosableInstallation) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    cluster = onboarding.cluster
    for event in EVENTS:
        records = cluster.log.topics[cluster.names.of(event)]
        # Every second one, the last among them: two builds share the work while one replaces the other.
        records[::-2] = map(as_the_previous_build_stated_it, records[::-2])

    onboarding.lose_the_store(backup)

    learnt = knowledge(backup)
    names = ("ledger", "effects", "contacts", "letters", "turns")
    assert {name: learnt[name] for name in names} == {name: lost[name] for name in names}
    assert len(lost["effects"]) > 8
