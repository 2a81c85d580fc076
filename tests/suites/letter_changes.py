"""How people edit dead letters; uses the fixture `database`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
import pytest
from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.audit import AuditError
from streams.dead_letters.letter_commands import Done
from streams.dead_letters.patching import Patch
from streams.dead_letters.retries import request
from streams.kafka.producer import Outgoing, PublishError
from streams.store import letter_changes, letter_pruning, letter_replays, letters
from streams.store.letters import LetterRow
from streams.testing.log import MemoryLog
from tests.suites.desk import BODY, NAMES, STRIP, CommandingLetters, lettered
from topics.letter import DeadLetter, sha256_of


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


OTHER = b'{"email": "bea@b.example"}'


def edited_by_another(link: Connection, seen: LetterRow) -> object:
    return letter_changes.edit(link, seen, replace(seen.letter, edit_number=1), OTHER, 0)


def failed_again(link: Connection, _: LetterRow) -> None:
    letters.index(link, [lettered(1, generation=1)], 0)


def taken_by_a_job(link: Connection, seen: LetterRow) -> object:
    return letter_changes.claim(link, [seen.letter.id], "job-1")


class LetterChangesSuite(CommandingLetters):
    async def test_an_edit_is_what_a_replay_sends_and_the_first_value_stays_readable(self) -> None:
        (letter_id,) = self.index(lettered(1))

        done = await self.commands.edit([letter_id], STRIP, "the form sends ??")

        now = self.row(letter_id)
        asked = request(now, NAMES)
        assert done == Done([letter_id], [])
        assert asked.value == b'{"email":"ada@b.example"}'
        assert asked.headers[0] == ("ce_id", b"e-1")
        assert DeadLetter.from_headers(asked.headers).edit_sha256 == STRIP.sha256
        assert now.original_value == BODY

    async def test_an_edit_is_audited_with_author_reason_and_both_hashes_and_no_value(self) -> None:
        (letter_id,) = self.index(lettered(1))

        await self.commands.edit([letter_id], STRIP, "the form sends ??")

        (entry,) = self.audited()
        assert (entry["act"], entry["about"], entry["author"]) == ("edit", letter_id, "ann")
        assert (entry["reason"], entry["does"]) == ("the form sends ??", "remove /country")
        assert entry["before_sha256"] == sha256_of(BODY)
        assert entry["after_sha256"] == sha256_of(self.row(letter_id).value)
        assert "ada" not in orjson.dumps(entry).decode()

    async def test_nothing_is_done_that_the_audit_topic_does_not_take(self) -> None:
        (letter_id,) = self.index(lettered(1))
        commands = self.audited_by(Refusing())

        with pytest.raises(AuditError):
            await commands.edit([letter_id], STRIP, "why")
        with pytest.raises(AuditError):
            await commands.discard([letter_id], "why")

        assert (self.row(letter_id).status, self.row(letter_id).value) == ("parked", BODY)
        assert not self.log.topics[NAMES.letters]

    async def test_a_letter_that_is_being_replayed_is_not_changed(self) -> None:
        (letter_id,) = self.index(lettered(1, status="replaying"))

        edited = await self.commands.edit([letter_id], STRIP, "why")
        gone = await self.commands.discard([letter_id], "why")

        assert (edited.changed, gone.changed) == ([], [])
        assert "replaying" in edited.skipped[0].reason
        assert "replaying" in gone.skipped[0].reason
        assert self.row(letter_id).value == BODY

    async def test_a_letter_whose_replay_begins_at_the_same_moment_is_not_changed(self) -> None:
        (letter_id,) = self.index(lettered(1))

        def asked_for() -> None:
            self.store.transact(lambda link: letter_replays.mark_replaying(link, [letter_id], None))

        done = await self.audited_by(Meanwhile(self.log, asked_for)).edit([letter_id], STRIP, "why")

        assert (done.changed, self.row(letter_id).value) == ([], BODY)
        assert not self.log.topics[NAMES.letters]

    @pytest.mark.parametrize("first", [edited_by_another, failed_again, taken_by_a_job])
    async def test_a_letter_that_something_else_happens_to_at_the_same_moment_is_not_edited(
        self, first: Callable[[Connection, LetterRow], object]
    ) -> None:
        (letter_id,) = self.index(lettered(1))

        def happens() -> None:
            seen = self.row(letter_id)
            self.store.transact(lambda link: first(link, seen))

        done = await self.audited_by(Meanwhile(self.log, happens)).edit([letter_id], STRIP, "why")

        assert (done.changed, [each.reason for each in done.skipped]) == (
            [],
            ["it has changed meanwhile; look again"],
        )
        assert self.row(letter_id).value in (BODY, OTHER)
        assert not self.log.topics[NAMES.letters]

    async def test_an_edited_letter_that_fails_again_still_has_its_original(self) -> None:
        (letter_id,) = self.index(lettered(1))
        await self.commands.edit([letter_id], STRIP, "why")
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
        await self.commands.edit([letter_id], STRIP, "why")
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
        await self.commands.edit([letter_id], STRIP, "why")

        await self.commands.edit([letter_id], Patch("original", is_undone=True), "it was right")

        now = self.row(letter_id)
        assert (now.value, now.original_value, now.letter.edit_number) == (BODY, BODY, 2)

    async def test_a_patch_that_does_not_fit_leaves_its_letter_and_is_reported_without_its_values(
        self,
    ) -> None:
        fits, lacks, broken = self.index(
            lettered(1), lettered(2, b'{"email": "bob@b.example"}'), lettered(3, b"not json")
        )

        done = await self.commands.edit([fits, lacks, broken], STRIP, "why")

        reasons = {each.id: each.reason for each in done.skipped}
        assert done.changed == [fits]
        assert "remove /country does not fit the record" in reasons[lacks]
        assert "no JSON at character 0" in reasons[broken]
        assert "bob" not in str(reasons)

    async def test_a_letter_whose_value_is_not_the_one_that_failed_takes_no_patch_but_another_value(
        self,
    ) -> None:
        bad = replace(lettered(1), value=b'{"email": "eve@b.example", "country": "??"}')
        (letter_id,) = self.index(bad)

        skipped = await self.commands.edit([letter_id], STRIP, "the form sends ??")
        done = await self.commands.edit([letter_id], Patch("edit", value=BODY), "as the publisher sent it")

        assert (skipped.changed, "SHA-256 differs" in skipped.skipped[0].reason) == ([], True)
        assert (done.changed, self.row(letter_id).value) == ([letter_id], BODY)
        assert [entry["patch"] for entry in self.audited()] == ["edit"]
