"""This file says what people can do about dead letters; subclass it and give the fixture `database`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from streams.dead_letters.audit import Audit, AuditError
from streams.dead_letters.desk import Desk, Done
from streams.dead_letters.patching import Patch
from streams.processing.publishing import Outgoing, Publisher, PublishError
from streams.processing.work import to_us
from streams.retries import request
from streams.store import letter_pruning, letter_replays, letters
from streams.store.engine import Database
from streams.store.letters import LetterRow
from streams.testing.clock import Clock
from streams.testing.log import MemoryLog
from tests.suites.letter_index import row
from topics.letter import DeadLetter, sha256_of
from topics.registry import TopicNames

NAMES = TopicNames()
BODY = b'{"email": "ada@b.example", "country": "??"}'
STRIP = Patch("recipe strip-country v1", [{"op": "remove", "path": "/country"}])


class Refusing:
    """A broker that takes nothing."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        raise PublishError(f"{len(records)} records were not taken")


class Meanwhile:
    """A broker that takes everything, and lets something happen just before."""

    def __init__(self, log: MemoryLog, happens: Callable[[], object]) -> None:
        self._log, self._happens = log, happens

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self._happens()
        await self._log.publish(records)


def lettered(number: int, value: bytes = BODY, status: str = "parked", generation: int = 0) -> LetterRow:
    found = row(number, status=status, generation=generation, value_sha256=sha256_of(value))
    return LetterRow(found.status, None, found.letter, found.lead_id, found.key, value, [("ce_id", b"e-1")])


class LetterChangesSuite:
    @pytest.fixture(autouse=True)
    def opened(self, database: Database) -> None:
        self.store, self.clock = database, Clock()
        self.log = MemoryLog(self.clock)
        self.desk = self.at_desk(self.log)

    def at_desk(self, audited: Publisher) -> Desk:
        audit = Audit(audited, NAMES, self.clock, "ann")
        return Desk(self.store, self.log, NAMES, self.clock, audit)

    def index(self, *rows: LetterRow) -> list[str]:
        self.store.transact(lambda connection: letters.index(connection, rows, 0))
        return [each.letter.id for each in rows]

    def row(self, letter_id: str) -> LetterRow:
        (found,) = self.store.transact(lambda connection: letters.get(connection, [letter_id]))
        return found

    def audited(self) -> list[dict[str, str]]:
        return [orjson.loads(record.value or b"") for record in self.log.topics[NAMES.audit]]

    async def test_an_edit_is_what_a_replay_sends_and_the_first_value_stays_readable(self) -> None:
        (letter_id,) = self.index(lettered(1))

        done = await self.desk.edit([letter_id], STRIP, "the form sends ??")

        now = self.row(letter_id)
        asked = request(now, NAMES)
        assert done == Done([letter_id], [])
        assert asked.value == b'{"email":"ada@b.example"}'
        assert asked.headers[0] == ("ce_id", b"e-1")
        assert DeadLetter.from_headers(asked.headers).edit_sha256 == STRIP.sha256
        assert now.original_value == BODY

    async def test_an_edit_tells_who_why_and_both_hashes_and_no_value(self) -> None:
        (letter_id,) = self.index(lettered(1))

        await self.desk.edit([letter_id], STRIP, "the form sends ??")

        (entry,) = self.audited()
        assert (entry["act"], entry["about"], entry["author"]) == ("edit", letter_id, "ann")
        assert (entry["reason"], entry["does"]) == ("the form sends ??", "remove /country")
        assert entry["before_sha256"] == sha256_of(BODY)
        assert entry["after_sha256"] == sha256_of(self.row(letter_id).value)
        assert "ada" not in orjson.dumps(entry).decode()

    async def test_nothing_is_done_that_the_audit_topic_does_not_take(self) -> None:
        (letter_id,) = self.index(lettered(1))
        desk = self.at_desk(Refusing())

        with pytest.raises(AuditError):
            await desk.edit([letter_id], STRIP, "why")
        with pytest.raises(AuditError):
            await desk.discard([letter_id], "why")

        assert (self.row(letter_id).status, self.row(letter_id).value) == ("parked", BODY)
        assert not self.log.topics[NAMES.letters]

    async def test_a_letter_that_is_being_replayed_is_not_changed(self) -> None:
        (letter_id,) = self.index(lettered(1, status="replaying"))

        edited = await self.desk.edit([letter_id], STRIP, "why")
        gone = await self.desk.discard([letter_id], "why")

        assert (edited.changed, gone.changed) == ([], [])
        assert "replaying" in edited.left[0].why
        assert "replaying" in gone.left[0].why
        assert self.row(letter_id).value == BODY

    async def test_a_letter_whose_replay_begins_at_the_same_moment_is_not_changed(self) -> None:
        (letter_id,) = self.index(lettered(1))

        def asked_for() -> None:
            self.store.transact(lambda link: letter_replays.mark_replaying(link, [letter_id], None))

        done = await self.at_desk(Meanwhile(self.log, asked_for)).edit([letter_id], STRIP, "why")

        assert (done.changed, self.row(letter_id).value) == ([], BODY)
        assert not self.log.topics[NAMES.letters]

    async def test_an_edited_letter_that_fails_again_still_has_its_original(self) -> None:
        (letter_id,) = self.index(lettered(1))
        await self.desk.edit([letter_id], STRIP, "why")
        asked = self.row(letter_id)

        again = lettered(1, asked.value or b"", generation=1)
        failed = DeadLetter.from_headers(
            [*again.letter.headers(), *(each for each in asked.letter.headers() if ".edit." in each[0])]
        )
        self.index(LetterRow("parked", None, failed, None, again.key, again.value, again.headers))

        assert (self.row(letter_id).letter.generation, self.row(letter_id).original_value) == (1, BODY)

    async def test_an_index_made_anew_from_the_topic_has_the_edit_and_the_original(self) -> None:
        first = lettered(1)
        (letter_id,) = self.index(first)
        await self.desk.edit([letter_id], STRIP, "why")
        before = self.row(letter_id)
        statuses = letters.EVERY
        self.store.transact(lambda link: letter_pruning.prune(link, to_us(self.clock()) + 1, 10, statuses))

        (copy,) = self.log.topics[NAMES.letters]
        known = LetterRow(
            "parked",
            None,
            DeadLetter.from_headers(list(copy.headers)),
            first.lead_id,
            copy.key,
            copy.value,
            first.headers,
        )
        self.index(first, known)

        now = self.row(letter_id)
        assert (now.value, now.original_value, now.letter) == (before.value, BODY, before.letter)

    async def test_the_original_can_be_put_back_and_that_is_an_edit_too(self) -> None:
        (letter_id,) = self.index(lettered(1))
        await self.desk.edit([letter_id], STRIP, "why")

        await self.desk.edit([letter_id], Patch("original", is_undone=True), "it was right")

        now = self.row(letter_id)
        assert (now.value, now.original_value, now.letter.edit_number) == (BODY, BODY, 2)

    async def test_a_patch_that_does_not_fit_leaves_its_letter_and_says_so_without_its_values(self) -> None:
        fits, lacks, broken = self.index(
            lettered(1), lettered(2, b'{"email": "bob@b.example"}'), lettered(3, b"not json")
        )

        done = await self.desk.edit([fits, lacks, broken], STRIP, "why")

        why = {each.id: each.why for each in done.left}
        assert done.changed == [fits]
        assert "remove /country does not fit the record" in why[lacks]
        assert "no JSON at character 0" in why[broken]
        assert "bob" not in str(why)

    async def test_a_letter_whose_value_is_not_the_one_that_failed_takes_no_patch_but_another_value(
        self,
    ) -> None:
        bad = replace(lettered(1), value=b'{"email": "eve@b.example", "country": "??"}')
        (letter_id,) = self.index(bad)

        left = await self.desk.edit([letter_id], STRIP, "the form sends ??")
        done = await self.desk.edit([letter_id], Patch("edit", value=BODY), "as the publisher sent it")

        assert (left.changed, "SHA-256 differs" in left.left[0].why) == ([], True)
        assert (done.changed, self.row(letter_id).value) == ([letter_id], BODY)
        assert [entry["patch"] for entry in self.audited()] == ["edit"]

    async def test_what_was_given_up_can_be_restored_and_is_not_retried_meanwhile(self) -> None:
        (letter_id,) = self.index(lettered(1, status="scheduled"))

        await self.desk.discard([letter_id], "spam")
        status = self.row(letter_id).status
        await self.desk.restore([letter_id], "no spam")

        assert (status, self.row(letter_id).status) == ("discarded", "parked")
        assert [entry["act"] for entry in self.audited()] == ["discard", "restore"]

    async def test_a_scheduled_letter_is_due_then_and_not_before(self) -> None:
        (letter_id,) = self.index(lettered(1))
        due = self.clock() + timedelta(hours=2)

        await self.desk.schedule([letter_id], due, "the server comes back at noon")

        def taken(moment_us: int) -> list[str]:
            rows = self.store.transact(lambda link: letter_replays.take_due(link, moment_us, 0, 10))
            return [each.letter.id for each in rows]

        assert taken(to_us(due) - 1) == []
        assert taken(to_us(due)) == [letter_id]

    async def test_a_kept_letter_is_written_anew_and_not_pruned(self) -> None:
        (letter_id,) = self.index(lettered(1))

        await self.desk.keep([letter_id], "the supplier answers next month")
        pruned = self.store.transact(lambda link: letter_pruning.prune(link, to_us(self.clock()), 10))

        (copy,) = self.log.topics[NAMES.letters]
        assert (copy.value, pruned) == (BODY, 0)
        assert DeadLetter.from_headers(list(copy.headers)).id == letter_id

    async def test_an_erased_record_is_gone_for_good_and_no_copy_brings_it_back(self) -> None:
        first = lettered(1)
        (letter_id,) = self.index(first)
        await self.desk.edit([letter_id], STRIP, "why")

        done = await self.desk.erase([letter_id], "she asked for it")
        (copy,) = self.log.topics[NAMES.letters]
        again = DeadLetter.from_headers(list(copy.headers))
        newer = replace(again, generation=3)
        self.index(first, replace(first, letter=again), replace(first, letter=newer))
        restored = await self.desk.restore([letter_id], "why")

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

        await self.desk.edit([edited], STRIP, "why")
        before_us = to_us(self.clock())
        expired = self.store.transact(lambda link: letter_pruning.expire(link, before_us, 10))
        pruned = self.store.transact(lambda link: letter_pruning.prune(link, before_us, 10))

        assert (expired, pruned, self.row(edited).status) == (0, 1, "parked")
        assert self.store.transact(lambda link: letters.get(link, [letter_id])) == []

    async def test_a_letter_whose_record_is_gone_is_not_taken_out_nor_audited_as_if_it_were(self) -> None:
        kept, gone = self.index(lettered(1), lettered(2))
        await self.desk.erase([gone], "she asked for it")

        taken = [row.letter.id async for row in self.desk.take_out([kept, gone], "to the other site")]

        assert taken == [kept]
        assert [(entry["act"], entry["about"]) for entry in self.audited()] == [
            ("erase", gone),
            ("export", kept),
        ]
