"""Faults by which ledger, topics and index disagree."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from streams.operations.verify.contract import (
    LETTER,
    LETTERS,
    MATCHED,
    derive,
)
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    WELCOMED,
    History,
)
from tests.unit.operations.verify.planting import (
    Plant,
    Planted,
    a_second_result,
    assert_named,
    each,
    event_id,
    fault_in,
    with_header,
)

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("inconsistent", "a result event that the ledger does not have")
def a_result_that_was_published_and_not_committed(history: History) -> str:
    return history.ledger.pop(2).id


@fault("inconsistent", "the ledger has another result than the topic")
def a_ledger_that_remembers_something_else(history: History) -> str:
    history.ledger[2] = replace(history.ledger[2], result=b"{}")
    return history.ledger[2].id


@fault("inconsistent", "done by the ledger, but no result event")
def a_result_that_was_committed_and_not_published(history: History) -> str:
    record = history.of(WELCOMED)
    history.records.remove(record)
    return event_id(record)


@fault("inconsistent", "a result event of no record there is")
def a_result_of_no_record(history: History) -> str:
    return a_second_result(MATCHED, history)


@fault("inconsistent", "a ledger row of no record there is")
def a_ledger_row_of_no_record(history: History) -> str:
    history.ledger.append(replace(history.ledger[0], id=derive("nothing")))
    return derive("nothing")


@fault("inconsistent", "failed by the ledger, but no letter")
def a_failure_without_a_letter(history: History) -> str:
    history.records.remove(history.of(LETTERS))
    return history.ledger[-1].id


@fault("inconsistent", "a letter that is not in the index")
def a_letter_that_is_not_indexed(history: History) -> str:
    return history.letters.pop().id


@fault("inconsistent", "a result, and an open letter")
def a_letter_that_stays_open_after_its_result(history: History) -> str:
    letter = history.of(LETTERS)
    for name, text in (("partition", "0"), ("offset", "0"), ("id", derive("of a lead that has its result"))):
        letter = with_header(letter, LETTER + name, text)
    history.records.append(replace(letter, offset=letter.offset + 10))
    return derive("of a lead that has its result")


@each(FAULTS)
async def test_inconsistent_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
