"""Faults in the attributes that connect events."""

from __future__ import annotations

from functools import partial

from streams.operations.verify.contract import UPSERTED, derive
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    PREFIX,
    History,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, fault_in, with_header

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


def another_header(name: str, history: History) -> str:
    record = history.of(UPSERTED)
    history.swap(record, headers=with_header(record, name, derive("another")).headers)
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a result with another ce_causationid than its event's")
def a_result_of_another_cause(history: History) -> str:
    return another_header("ce_causationid", history)


@fault("misplaced", "a result with another ce_correlationid than its event's")
def a_result_of_another_run(history: History) -> str:
    return another_header("ce_correlationid", history)


@fault("misplaced", "a result with another ce_position than its event's")
def a_result_of_another_position(history: History) -> str:
    return another_header("ce_position", history)


@each(FAULTS)
async def test_misplaced_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
