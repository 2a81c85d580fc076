"""Test putting letters back and keeping them, by their generation."""

from __future__ import annotations

from streams.store import letter_replays
from tests.support.letter_harness import NAMES, LetterHarness
from tests.support.letters import lettered


async def test_putting_back_an_older_generation_changes_nothing(harness: LetterHarness) -> None:
    now, requested = lettered(1, generation=1), lettered(1)
    (letter_id,) = harness.index(now)

    harness.store.transact(lambda link: letter_replays.put_back(link, [requested], 0))

    assert (harness.row(letter_id).status, harness.row(letter_id).letter.generation) == ("parked", 1)


async def test_only_open_letters_are_kept(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1, status="resolved"))

    done = await harness.commands.keep([letter_id], "why")

    assert (done.changed, [each.reason for each in done.skipped]) == ([], ["it is resolved"])
    assert (harness.audited(), harness.log.topics[NAMES.letters]) == ([], [])
