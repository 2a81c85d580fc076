"""Decides about a late replay, as its action declares or the person who requests it."""

from __future__ import annotations

from datetime import datetime

from actions.action import ActionSpec, OnStale
from streams.engine.execution import Execution
from topics.envelope import parse_timestamp
from topics.events import Event
from topics.letter import DeadLetter


def on_stale(action: ActionSpec, event_time: str, request: DeadLetter | None, now: datetime) -> OnStale:
    """Return what to do with an event of this time: `run` unless a replay is later than the action's `max_age`."""
    if request is None or action.max_age is None or now - parse_timestamp(event_time) <= action.max_age:
        return "run"
    decided = request.stale or action.on_stale
    return "ask" if decided == "skip" and action.skip is None else decided


def needs_decision(execution: Execution, now: datetime) -> bool:
    """Whether a person still has to decide what to do."""
    return _decided(execution, now) == "ask"


def skipped(execution: Execution, now: datetime) -> Event | None:
    """Return the action's result for a skipped event; None when it is not skipped."""
    skip = execution.step.action.skip
    return skip(execution.event) if skip is not None and _decided(execution, now) == "skip" else None


def _decided(execution: Execution, now: datetime) -> OnStale:
    return on_stale(execution.step.action, execution.envelope.time, execution.request, now)
