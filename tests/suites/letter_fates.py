"""What becomes of letters by decision or with time; uses the fixture `database`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from streams.clock import to_us
from streams.store import letter_pruning, letter_replays, letters
from tests.suites.desk import BODY, NAMES, STRIP, CommandingLetters, lettered
from topics.letter import DeadLetter


class LetterFatesSuite(CommandingLetters):
    async def test_what_was_given_up_can_be_restored_and_is_not_retried_meanwhile(self) -> None:
        (letter_id,) = self.index(lettered(1, status="scheduled"))

        await self.commands.discard([letter_id], "spam")
        status = self.row(letter_id).status
        await self.commands.restore([letter_id], "no spam")

        assert (status, self.row(letter_id).status) == ("discarded", "parked")
        assert [entry["act"] for entry in self.audited()] == ["discard", "restore"]

    async def test_a_scheduled_letter_is_due_then_and_not_before(self) -> None:
        (letter_id,) = self.index(lettered(1))
        due = self.clock() + timedelta(hours=2)

        await self.commands.schedule([letter_id], due, "the server comes back at noon")

        def taken(moment_us: int) -> list[str]:
            rows = self.store.transact(lambda link: letter_replays.take_due(link, moment_us, 0, 10))
            return [each.letter.id for each in rows]

        assert taken(to_us(due) - 1) == []
        assert taken(to_us(due)) == [letter_id]

    async def test_a_kept_letter_is_written_anew_and_not_pruned(self) -> None:
        (letter_id,) = self.index(lettered(1))

        await self.commands.keep([letter_id], "the supplier answers next month")
        pruned = self.store.transact(lambda link: letter_pruning.prune(link, to_us(self.clock()), 10))

        (copy,) = self.log.topics[NAMES.letters]
        assert (copy.value, pruned) == (BODY, 0)
        assert DeadLetter.from_headers(list(copy.headers)).id == letter_id

    async def test_a_request_for_an_older_failure_puts_nothing_back(self) -> None:
        now, asked = lettered(1, generation=1), lettered(1)
        (letter_id,) = self.index(now)

        self.store.transact(lambda link: letter_replays.put_back(link, [asked], 0))

        assert (self.row(letter_id).status, self.row(letter_id).letter.generation) == ("parked", 1)

    async def test_only_what_is_open_is_kept(self) -> None:
        (letter_id,) = self.index(lettered(1, status="resolved"))

        done = await self.commands.keep([letter_id], "why")

        assert (done.changed, [each.reason for each in done.skipped]) == ([], ["it is resolved"])
        assert (self.audited(), self.log.topics[NAMES.letters]) == ([], [])

    async def test_an_erased_record_is_gone_for_good_and_no_copy_brings_it_back(self) -> None:
        first = lettered(1)
        (letter_id,) = self.index(first)
        await self.commands.edit([letter_id], STRIP, "why")

        done = await self.commands.erase([letter_id], "she asked for it")
        (copy,) = self.log.topics[NAMES.letters]
        again = DeadLetter.from_headers(list(copy.headers))
        newer = replace(again, generation=3)
        self.index(first, replace(first, letter=again), replace(first, letter=newer))
        restored = await self.commands.restore([letter_id], "why")

        now = self.row(letter_id)
        assert (done.changed, restored.changed) == ([letter_id], [])
        assert (now.status, now.key, now.value, now.original_value, now.headers) == (
            "erased",
            None,
            None,
            None,
            [],
        )
        assert [entry["act"] for entry in self.audited()] == ["edit", "erase"]

    async def test_an_open_letter_whose_record_retention_took_stays_as_expired(self) -> None:
        late, resolved = self.index(lettered(1), lettered(2, status="resolved"))
        now_us = to_us(self.clock())

        expired = self.store.transact(lambda link: letter_pruning.expire(link, now_us, 10))
        pruned = self.store.transact(lambda link: letter_pruning.prune(link, now_us, 10))

        found = self.store.transact(lambda link: letters.get(link, [late, resolved]))
        assert (expired, pruned) == (1, 1)
        assert [(each.letter.id, each.status, each.value) for each in found] == [(late, "expired", None)]

    async def test_an_edited_letter_is_kept_as_long_as_its_new_copy(self) -> None:
        (letter_id,) = self.index(lettered(1, status="resolved"))
        self.index(lettered(2))
        edited = lettered(2).letter.id

        await self.commands.edit([edited], STRIP, "why")
        before_us = to_us(self.clock())
        expired = self.store.transact(lambda link: letter_pruning.expire(link, before_us, 10))
        pruned = self.store.transact(lambda link: letter_pruning.prune(link, before_us, 10))

        assert (expired, pruned, self.row(edited).status) == (0, 1, "parked")
        assert self.store.transact(lambda link: letters.get(link, [letter_id])) == []

    async def test_a_letter_whose_record_is_gone_is_not_taken_out_nor_audited_as_if_it_were(self) -> None:
        kept, gone = self.index(lettered(1), lettered(2))
        await self.commands.erase([gone], "she asked for it")

        taken = [row.letter.id async for row in self.commands.take_out([kept, gone], "to the other site")]

        assert taken == [kept]
        assert [(entry["act"], entry["about"]) for entry in self.audited()] == [
            ("erase", gone),
            ("export", kept),
        ]
