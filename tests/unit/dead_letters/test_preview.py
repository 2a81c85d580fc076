"""A preview changes nothing, and predicts what a replay then does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from streams.dead_letters.prediction import FAILING, Prediction
from streams.dead_letters.preview import Preview
from streams.store import letters
from streams.store.engine import StoreError
from streams.store.schema import metadata, turns
from streams.testing import Rehearsal, lead


@pytest.fixture
def onboarding() -> Iterator[Rehearsal]:
    with Rehearsal() as rehearsal:
        yield rehearsal


def preview(onboarding: Rehearsal) -> list[Prediction]:
    ids = [letter.id for letter in onboarding.letters]
    return [prediction for _, prediction in Preview(onboarding.cluster.installation).of(ids)]


def everything(onboarding: Rehearsal) -> tuple[Any, ...]:
    def dump(connection: sa.Connection) -> dict[str, Sequence[Any]]:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
        }

    topics = {name: len(records) for name, records in onboarding.cluster.log.topics.items()}
    world = onboarding.world
    return onboarding.cluster.database.transact(dump), topics, len(world.mails), len(world.notes)


def came_true(onboarding: Rehearsal, predicted: Sequence[Prediction]) -> None:
    """Replay all letters and compare each with its prediction."""
    ids = [each.id for each in predicted]
    onboarding.replay()
    current = onboarding.cluster.database.transact(lambda connection: letters.get(connection, ids))
    rows = {row.letter.id: row for row in current}
    for each in predicted:
        row = rows[each.id]
        if each.verdict in FAILING:
            assert (row.resolution, row.letter.code, row.letter.generation) == (None, each.code, 1)
        else:
            assert row.resolution == ("noop" if each.verdict == "noop" else "resolved")


def test_a_preview_changes_nothing_and_its_predictions_come_true(onboarding: Rehearsal) -> None:
    onboarding.world.go_down()
    onboarding.world.stop_notifying()
    for number in range(5):
        onboarding.publish(lead(email=f"p{number}@example.com"), f"e-{number}")
    onboarding.publish(b"{poison")
    onboarding.world.come_back()
    before = everything(onboarding)

    predicted = preview(onboarding)

    assert everything(onboarding) == before
    verdicts = sorted((each.action, each.verdict, tuple(c.port for c in each.calls)) for each in predicted)
    assert verdicts == [
        *[("notify-owner", "would-resolve", ("Notifier",))] * 5,
        *[("send-welcome-email", "would-resolve", ("Mailer",))] * 5,
        ("validate-lead", "unreadable", ()),
    ]
    came_true(onboarding, predicted)


def test_a_mail_that_goes_out_earlier_in_the_preview_is_held_later(onboarding: Rehearsal) -> None:
    onboarding.world.go_down()
    onboarding.publish(lead(), "e-1")
    onboarding.publish(lead(), "e-2")
    onboarding.world.come_back()

    predicted = preview(onboarding)

    outcomes = [(each.outcome, [call.state for call in each.calls]) for each in predicted]
    assert outcomes == [("sent", ["goes-out"]), ("skipped", ["held"])]
    came_true(onboarding, predicted)
    assert len(onboarding.world.mails) == 1


def test_the_database_itself_refuses_what_a_preview_would_write(onboarding: Rehearsal) -> None:
    database = onboarding.cluster.database

    with pytest.raises((StoreError, DBAPIError)), database.snapshot() as connection:
        connection.execute(sa.insert(turns).values(name="owners", next=7))

    database.transact(lambda connection: connection.execute(sa.insert(turns).values(name="x", next=1)))
