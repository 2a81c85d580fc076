"""Faults by which work stands still."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from streams.operations.verify.contract import (
    INTENT,
    RECEIVED,
    derive,
)
from streams.operations.verify.evidence import EffectRow
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    NOW_MS,
    PREFIX,
    History,
    received,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, fault_in

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("stuck", "lag that does not move")
def a_lag_that_does_not_move(history: History) -> str:
    lead = received(("/web", "e-3"), 2, b"{}")
    history.records.append(replace(lead, timestamp=NOW_MS - 3_600_000))
    history.settled[RECEIVED] = 2
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("stuck", "a record that nobody has settled for long")
def a_lag_that_moves_too_slowly(history: History) -> str:
    for offset in (2, 3):
        lead = received(("/web", f"e-{offset}"), offset, b"{}")
        history.records.append(replace(lead, timestamp=NOW_MS - 3_600_000))
    history.settled[RECEIVED] = 2
    history.meanwhile.append(lambda now: now.settled.update({RECEIVED: 3}))
    return f"{PREFIX}{RECEIVED}/0"


@fault("stuck", "a scheduled retry that is long overdue")
def an_overdue_retry(history: History) -> str:
    history.letters[0] = replace(history.letters[0], status="scheduled", due_at=1)
    return history.letters[0].id


@fault("stuck", "a scheduled retry without a due time")
def a_retry_that_is_never_due(history: History) -> str:
    history.letters[0] = replace(history.letters[0], status="scheduled", due_at=None)
    return history.letters[0].id


@fault("stuck", "a call that was begun long ago and not ended")
def a_call_that_is_not_ended(history: History) -> str:
    lead = received(("/web", "e-3"), 2, b"{}")
    history.records.append(lead)
    history.settled[RECEIVED] = 2
    (action, *_) = history.contract.actions
    pending = derive("/web", "e-3", action.name, action.version)
    history.effects.append(EffectRow("call:e-3", pending, INTENT, 1))
    return pending


@each(FAULTS)
async def test_stuck_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
