"""Commands about letters: edit, discard, restore, schedule, keep, erase and export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.audit import AuditError
from streams.dead_letters.letter_commands import Done
from streams.dead_letters.patching import Patch
from streams.dead_letters.retries import request
from streams.store import letter_changes, letter_pruning, letter_replays, letters
from streams.store.letters import LetterRow
from tests.support.letter_harness import NAMES, STRIP, LetterHarness, Meanwhile, Refusing
from tests.support.letters import BODY, lettered
from topics.letter import DeadLetter, sha256_of

OTHER = b'{"email": "bea@b.example"}'


def edited_by_another(link: Connection, seen: LetterRow) -> object:
    return letter_changes.edit(link, seen, replace(seen.letter, edit_number=1), OTHER, 0)


def failed_again(link: Connection, _: LetterRow) -> None:
    letters.index(link, [lettered(1, generation=1)], 0)


def taken_by_a_job(link: Connection, seen: LetterRow) -> object:
    return letter_changes.claim(link, [seen.letter.id], "job-1")


async def test_an_edit_is_what_a_replay_sends_and_the_first_value_stays_readable(
    harness: LetterHarness,
) -> None:
    (letter_id,) = harness.index(lettered(1))

    done = await harness.commands.edit([letter_id], STRIP, "the form sends ??")

    now = harness.row(letter_id)
    asked = request(now, NAMES)
    assert done == Done([letter_id], [])
    assert asked.value == b'{"email":"ada@b.example"}'
    assert asked.headers[0] == ("ce_id", b"e-1")
    assert DeadLetter.from_headers(asked.headers).edit_sha256 == STRIP.sha256
    assert now.original_value == BODY


async def test_an_edit_is_audited_with_author_reason_and_both_hashes_and_no_value(
    harness: LetterHarness,
) -> None:
    (letter_id,) = harness.index(lettered(1))

    await harness.commands.edit([letter_id], STRIP, "the form sends ??")

    (entry,) = harness.audited()
    assert (entry["act"], entry["about"], entry["author"]) == ("edit", letter_id, "ann")
    assert (entry["reason"], entry["does"]) == ("the form sends ??", "remove /country")
    assert entry["before_sha256"] == sha256_of(BODY)
    assert entry["after_sha256"] == sha256_of(harness.row(letter_id).value)
    assert "ada" not in orjson.dumps(entry).decode()


async def test_a_command_that_cannot_be_audited_changes_no_letter(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))
    commands = harness.audited_by(Refusing())

    with pytest.raises(AuditError):
        await commands.edit([letter_id], STRIP, "why")
    with pytest.raises(AuditError):
        await commands.discard([letter_id], "why")

    assert (harness.row(letter_id).status, harness.row(letter_id).value) == ("parked", BODY)
    assert not harness.log.topics[NAMES.letters]


async def test_a_letter_whose_replay_begins_during_an_edit_is_not_edited(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))

    def asked_for() -> None:
        harness.store.transact(lambda link: letter_replays.mark_replaying(link, [letter_id], None))

    done = await harness.audited_by(Meanwhile(harness.log, asked_for)).edit([letter_id], STRIP, "why")

    assert (done.changed, harness.row(letter_id).value) == ([], BODY)
    assert not harness.log.topics[NAMES.letters]


@pytest.mark.parametrize("first", [edited_by_another, failed_again, taken_by_a_job])
async def test_a_letter_that_changes_during_an_edit_is_not_edited(
    harness: LetterHarness, first: Callable[[Connection, LetterRow], object]
) -> None:
    (letter_id,) = harness.index(lettered(1))

    def happens() -> None:
        seen = harness.row(letter_id)
        harness.store.transact(lambda link: first(link, seen))

    done = await harness.audited_by(Meanwhile(harness.log, happens)).edit([letter_id], STRIP, "why")

    assert (done.changed, [each.reason for each in done.skipped]) == (
        [],
        ["it has changed meanwhile; look again"],
    )
    assert harness.row(letter_id).value in (BODY, OTHER)
    assert not harness.log.topics[NAMES.letters]


async def test_an_edited_letter_that_fails_again_still_has_its_original(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))
    await harness.commands.edit([letter_id], STRIP, "why")
    asked = harness.row(letter_id)

    again = lettered(1, asked.value or b"", generation=1)
    failed = DeadLetter.from_headers(
        [*again.letter.headers(), *(each for each in asked.letter.headers() if ".edit." in each[0])]
    )
    harness.index(LetterRow("parked", None, failed, None, again.key, again.value, again.headers))

    assert (harness.row(letter_id).letter.generation, harness.row(letter_id).original_value) == (1, BODY)


async def test_an_index_rebuilt_from_the_topic_has_the_edit_and_the_original(harness: LetterHarness) -> None:
    first = lettered(1)
    (letter_id,) = harness.index(first)
    await harness.commands.edit([letter_id], STRIP, "why")
    before = harness.row(letter_id)
    statuses = letters.EVERY
    harness.store.transact(lambda link: letter_pruning.prune(link, to_us(harness.clock()) + 1, 10, statuses))

    (copy,) = harness.log.topics[NAMES.letters]
    known = LetterRow(
        "parked",
        None,
        DeadLetter.from_headers(list(copy.headers)),
        first.lead_id,
        copy.key,
        copy.value,
        first.headers,
    )
    harness.index(first, known)

    now = harness.row(letter_id)
    assert (now.value, now.original_value, now.letter) == (before.value, BODY, before.letter)


async def test_restoring_the_original_value_is_an_edit_too(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))
    await harness.commands.edit([letter_id], STRIP, "why")

    await harness.commands.edit([letter_id], Patch("original", restores_original=True), "it was right")

    now = harness.row(letter_id)
    assert (now.value, now.original_value, now.letter.edit_number) == (BODY, BODY, 2)


async def test_a_patch_that_does_not_fit_skips_its_letter_with_a_reason_that_holds_no_value(
    harness: LetterHarness,
) -> None:
    fits, lacks, broken = harness.index(
        lettered(1), lettered(2, b'{"email": "bob@b.example"}'), lettered(3, b"not json")
    )

    done = await harness.commands.edit([fits, lacks, broken], STRIP, "why")

    reasons = {each.id: each.reason for each in done.skipped}
    assert done.changed == [fits]
    assert "remove /country does not fit the record" in reasons[lacks]
    assert "not valid JSON at character 0" in reasons[broken]
    assert "bob" not in str(reasons)


async def test_a_value_that_is_not_the_one_that_failed_can_be_replaced_but_not_patched(
    harness: LetterHarness,
) -> None:
    bad = replace(lettered(1), value=b'{"email": "eve@b.example", "country": "??"}')
    (letter_id,) = harness.index(bad)

    skipped = await harness.commands.edit([letter_id], STRIP, "the form sends ??")
    done = await harness.commands.edit([letter_id], Patch("edit", value=BODY), "as the publisher sent it")

    assert (skipped.changed, "SHA-256 differs" in skipped.skipped[0].reason) == ([], True)
    assert (done.changed, harness.row(letter_id).value) == ([letter_id], BODY)
    assert [entry["patch"] for entry in harness.audited()] == ["edit"]


async def test_a_kept_letter_is_published_again_and_not_pruned(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1))

    await harness.commands.keep([letter_id], "the supplier answers next month")
    pruned = harness.store.transact(lambda link: letter_pruning.prune(link, to_us(harness.clock()), 10))

    (copy,) = harness.log.topics[NAMES.letters]
    assert (copy.value, pruned) == (BODY, 0)
    assert DeadLetter.from_headers(list(copy.headers)).id == letter_id


async def test_an_erased_record_is_gone_for_good_and_no_copy_brings_it_back(harness: LetterHarness) -> None:
    first = lettered(1)
    (letter_id,) = harness.index(first)
    await harness.commands.edit([letter_id], STRIP, "why")

    done = await harness.commands.erase([letter_id], "she asked for it")
    (copy,) = harness.log.topics[NAMES.letters]
    again = DeadLetter.from_headers(list(copy.headers))
    newer = replace(again, generation=3)
    harness.index(first, replace(first, letter=again), replace(first, letter=newer))
    restored = await harness.commands.restore([letter_id], "why")

    now = harness.row(letter_id)
    assert (done.changed, restored.changed) == ([letter_id], [])
    assert (now.status, now.key, now.value, now.original_value, now.headers) == (
        "erased",
        None,
        None,
        None,
        [],
    )
    assert [entry["act"] for entry in harness.audited()] == ["edit", "erase"]


async def test_an_open_letter_stays_as_expired_after_retention_deletes_its_record(
    harness: LetterHarness,
) -> None:
    late, resolved = harness.index(lettered(1), lettered(2, status="resolved"))
    now_us = to_us(harness.clock())

    expired = harness.store.transact(lambda link: letter_pruning.expire(link, now_us, 10))
    pruned = harness.store.transact(lambda link: letter_pruning.prune(link, now_us, 10))

    current = harness.store.transact(lambda link: letters.get(link, [late, resolved]))
    assert (expired, pruned) == (1, 1)
    assert [(each.letter.id, each.status, each.value) for each in current] == [(late, "expired", None)]


async def test_an_edited_letter_is_kept_as_long_as_its_new_copy(harness: LetterHarness) -> None:
    (letter_id,) = harness.index(lettered(1, status="resolved"))
    harness.index(lettered(2))
    edited = lettered(2).letter.id

    await harness.commands.edit([edited], STRIP, "why")
    before_us = to_us(harness.clock())
    expired = harness.store.transact(lambda link: letter_pruning.expire(link, before_us, 10))
    pruned = harness.store.transact(lambda link: letter_pruning.prune(link, before_us, 10))

    assert (expired, pruned, harness.row(edited).status) == (0, 1, "parked")
    assert harness.store.transact(lambda link: letters.get(link, [letter_id])) == []


async def test_a_letter_without_its_record_is_neither_exported_nor_audited_as_exported(
    harness: LetterHarness,
) -> None:
    kept, gone = harness.index(lettered(1), lettered(2))
    await harness.commands.erase([gone], "she asked for it")

    taken = [
        row.letter.id async for row in harness.commands.export_letters([kept, gone], "to the other site")
    ]

    assert taken == [kept]
    assert [(entry["act"], entry["about"]) for entry in harness.audited()] == [
        ("erase", gone),
        ("export", kept),
    ]
