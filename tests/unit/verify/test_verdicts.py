"""This file holds `leads verify` to its verdicts: each planted fault is named with its ids, and health has none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.operations.verify.contract import (
    GONE,
    LETTER,
    LETTERS,
    RECEIVED,
    WELCOMED,
    Headers,
)
from streams.operations.verify.evidence import Record
from streams.operations.verify.judge import Verdict
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.verifying import Question, verify
from tests.unit.verify.faults import FAULTS
from tests.unit.verify.history import (
    GROUP,
    KEY,
    PREFIX,
    History,
    healthy,
    received,
    result,
)


class StoreOf:
    """The tables of a history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def read(self, scratch: Scratch) -> None:
        self._history.tables(scratch)


async def judged(history: History) -> Verdict:
    question = Question(PREFIX, GROUP, pause_s=0)
    return await verify(question, history, StoreOf(history), lambda *_: None)


async def test_a_healthy_history_has_no_finding_and_its_fates_add_up() -> None:
    verdict = await judged(healthy())

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1}
    assert not verdict.is_second_look


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_is_named_with_its_id(plant: Callable[[History], str]) -> None:
    kind, what = FAULTS[plant]
    history = healthy()

    offending = plant(history)
    verdict = await judged(history)

    found = [each for each in verdict.found(kind) if each["what"] == what]
    assert offending in json.dumps(found), verdict.as_data()


async def test_a_record_that_is_not_settled_yet_is_under_way() -> None:
    history = healthy()
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    history.settled[RECEIVED] = 2

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["unread"] == {RECEIVED: 1}


async def test_what_becomes_whole_between_two_looks_is_no_finding() -> None:
    history = healthy()
    late = history.of(WELCOMED)
    history.records.remove(late)
    history.meanwhile.append(lambda now: now.records.append(late))

    verdict = await judged(history)

    assert verdict.is_second_look
    assert verdict.is_clean, verdict.as_data()


async def test_a_copy_of_a_result_is_no_finding() -> None:
    history = healthy()
    history.records.append(replace(result("assign-owner"), offset=1))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


async def test_the_index_is_held_to_the_last_edit_of_a_letter_wherever_its_copies_stand() -> None:
    history = healthy()
    letter = history.of(LETTERS)
    copies = [edited(letter, 2, b'{"second": 1}', offset=1), edited(letter, 1, b'{"first": 1}', offset=2)]
    history.records += copies
    history.letters = [replace(history.letters[0], value=b'{"second": 1}')]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


@pytest.mark.parametrize("status", GONE)
async def test_a_letter_whose_record_the_index_does_not_keep_any_more_is_no_finding(status: str) -> None:
    history = healthy()
    history.letters = [replace(history.letters[0], status=status, key=None, value=None, headers=[])]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


def edited(letter: Record, number: int, value: bytes, *, offset: int) -> Record:
    """The letter's copy on its topic after so many edits."""
    digest = hashlib.sha256(value).hexdigest().encode()
    kept = [(name, digest if name == f"{LETTER}value.sha256" else raw) for name, raw in letter.headers]
    own: Headers = [(f"{LETTER}edit.number", str(number).encode()), (f"{LETTER}edit.sha256", b"0" * 64)]
    return replace(letter, value=value, headers=[*kept, *own], offset=offset)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_no_finding_says_anything_about_a_person(plant: Callable[[History], str]) -> None:
    history = healthy()
    plant(history)

    told = json.dumps((await judged(history)).as_data())

    assert "customer.example" not in told
    assert KEY not in told
