"""Test discarding, restoring and scheduling letters."""

from __future__ import annotations

from datetime import timedelta

from streams.clock import to_us
from streams.store import letter_replays
from tests.support.letter_harness import STRIP, LetterHarness
from tests.support.letters import BODY, lettered


async def test_a_letter_that_is_being_replayed_is_not_changed(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1, status="replaying"))

    edited = await harness.commands.edit([letter_id], STRIP, "why")
    gone = await harness.commands.discard([letter_id], "why")

    assert (edited.changed, gone.changed) == ([], [])
    assert "replaying" in edited.skipped[0].reason
    assert "replaying" in gone.skipped[0].reason
    assert harness.row(letter_id).value == BODY


async def test_a_discarded_letter_can_be_restored_and_is_not_retried_meanwhile(
    harness: LetterHarness,
) -> None:
    (letter_id,) = harness.index(lettered(1, status="scheduled"))

    await harness.commands.discard([letter_id], "spam")
    status = harness.row(letter_id).status
    await harness.commands.restore([letter_id], "no spam")

    assert (status, harness.row(letter_id).status) == ("discarded", "parked")
    assert [entry["act"] for entry in harness.audited()] == ["discard", "restore"]


async def test_a_scheduled_letter_is_not_due_before_its_time(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))
    due = harness.clock() + timedelta(hours=2)

    await harness.commands.schedule([letter_id], due, "the server comes back at noon")

    def taken(moment_us: int) -> list[str]:
        rows = harness.store.transact(lambda link: letter_replays.take_due(link, moment_us, 0, 10))
        return [each.letter.id for each in rows]

    assert taken(to_us(due) - 1) == []
    assert taken(to_us(due)) == [letter_id]
