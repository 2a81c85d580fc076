"""Faults by which a lead or an event is lost."""

from __future__ import annotations

from functools import partial

from streams.operations.verify.contract import (
    LETTERS,
    MATCHED,
    RECEIVED,
    UPSERTED,
)
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    PREFIX,
    History,
    received,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, fault_in

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("lost", "an action left no result and no letter")
def a_lead_acknowledged_before_it_was_settled(history: History) -> str:
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("lost", "an action left no result and no letter")
def a_letter_that_was_never_published(history: History) -> str:
    history.records.remove(history.of(LETTERS))
    return f"{PREFIX}{RECEIVED}/0/1"


@fault("lost", "an action left no result and no letter")
def a_run_that_stops_in_the_middle(history: History) -> str:
    history.records.remove(history.of(UPSERTED))
    return f"{PREFIX}{MATCHED}/0/0"


@each(FAULTS)
async def test_lost_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
