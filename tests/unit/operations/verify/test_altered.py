"""Faults by which a letter is not its record any more."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial

import pytest

from streams.operations.verify.contract import (
    GONE,
    LETTER,
    LETTERS,
    Headers,
    derive,
)
from streams.operations.verify.evidence import Record
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    History,
)
from tests.unit.operations.verify.planting import (
    Plant,
    Planted,
    assert_named,
    each,
    fault_in,
    judged,
    with_header,
)

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


def a_letter(history: History, **changed: object) -> str:
    letter = history.of(LETTERS)
    history.swap(letter, **changed)
    return str(letter.header(LETTER + "id"))


@fault("altered", "the letter's value is not that of the record")
def a_letter_with_another_value(history: History) -> str:
    return a_letter(history, value=b"{}")


@fault("altered", "the letter's key is not that of the record")
def a_letter_without_its_key(history: History) -> str:
    return a_letter(history, key=None)


@fault("altered", "the letter's header list is not that of the record")
def a_letter_that_dropped_a_repeated_header(history: History) -> str:
    return a_letter(history, headers=list(dict(history.of(LETTERS).headers).items()))


@fault("altered", "the letter's header list is not that of the record")
def a_letter_whose_null_header_became_empty(history: History) -> str:
    headers = history.of(LETTERS).headers
    return a_letter(history, headers=[(name, value or b"") for name, value in headers])


@fault("altered", "the letter's value is not that of the record")
def a_letter_that_names_another_record(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "offset", "0").headers)


@fault("altered", "a letter of a record that is not there")
def a_letter_that_names_no_record(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "offset", "77").headers)


@fault("altered", "the letter has wrong headers about its record")
def a_letter_of_another_group(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "group", "other").headers)


@fault("altered", "the index has another record than the letter")
def an_index_with_another_record(history: History) -> str:
    history.letters[0] = replace(history.letters[0], value=b"{}")
    return history.letters[0].id


@fault("altered", "the index has a letter that the topic has not")
def an_index_with_a_letter_of_its_own(history: History) -> str:
    history.letters.append(replace(history.letters[0], id=derive("indexed alone")))
    return derive("indexed alone")


@each(FAULTS)
async def test_altered_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)


async def test_the_index_is_held_to_the_last_edit_of_a_letter_wherever_its_copies_stand(
    history: History,
) -> None:
    letter = history.of(LETTERS)
    copies = [edited(letter, 2, b'{"second": 1}', offset=1), edited(letter, 1, b'{"first": 1}', offset=2)]
    history.records += copies
    history.letters = [replace(history.letters[0], value=b'{"second": 1}')]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


@pytest.mark.parametrize("status", GONE)
async def test_a_letter_whose_record_the_index_does_not_keep_any_more_is_no_finding(
    history: History, status: str
) -> None:
    history.letters = [replace(history.letters[0], status=status, key=None, value=None, headers=[])]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


def edited(letter: Record, number: int, value: bytes, *, offset: int) -> Record:
    """Return the letter's copy on its topic after so many edits."""
    digest = hashlib.sha256(value).hexdigest().encode()
    kept = [(name, digest if name == f"{LETTER}value.sha256" else raw) for name, raw in letter.headers]
    own: Headers = [(f"{LETTER}edit.number", str(number).encode()), (f"{LETTER}edit.sha256", b"0" * 64)]
    return replace(letter, value=value, headers=[*kept, *own], offset=offset)
