"""Plant faults in a healthy history, and let `leads verify` judge it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.operations.verify.contract import (
    derive,
)
from streams.operations.verify.evidence import Record
from streams.operations.verify.findings import Kind
from streams.operations.verify.judge import Verdict
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.verifying import Question, verify
from tests.unit.operations.verify.history import (
    GROUP,
    KEY,
    PREFIX,
    History,
)

Plant = Callable[[History], str]
"""Spoils a history and returns the id by which the finding must name it."""
Planted = tuple[Plant, Kind, str]


def fault_in(faults: list[Planted], kind: Kind, what: str) -> Callable[[Plant], Plant]:
    """Add the decorated plant to the faults of its module, with the finding that must name it."""

    def add(plant: Plant) -> Plant:
        faults.append((plant, kind, what))
        return plant

    return add


def each(faults: list[Planted]) -> pytest.MarkDecorator:
    """Parametrize a test by these faults."""
    return pytest.mark.parametrize(
        ("plant", "kind", "what"), faults, ids=lambda plant: getattr(plant, "__name__", "")
    )


async def assert_named(history: History, plant: Plant, kind: Kind, what: str) -> None:
    """Assert that the fault is named with its id, and that nothing printed has personal data."""
    offending = plant(history)
    verdict = await judged(history)

    found = [finding for finding in verdict.found(kind) if finding["what"] == what]
    assert offending in json.dumps(found), verdict.as_data()
    printed = json.dumps(verdict.as_data())
    assert "customer.example" not in printed.replace("stranger@customer.example", "")
    assert KEY not in printed


class StoreOf:
    """The tables of a history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def read(self, scratch: Scratch) -> None:
        self._history.tables(scratch)


async def judged(
    history: History,
    *,
    limit: int = 20,
    has_journals: bool = True,
    received_from: dict[int, int] | None = None,
) -> Verdict:
    mails, webhooks = history.journals() if has_journals else (None, None)
    question = Question(
        history.contract,
        PREFIX,
        GROUP,
        limit,
        mails=mails,
        webhooks=webhooks,
        received_from=received_from,
        pause_s=0,
    )
    return await verify(question, history, StoreOf(history), lambda *_: None)


def with_header(record: Record, name: str, value: str) -> Record:
    return replace(record, headers=[(n, value.encode() if n == name else v) for n, v in record.headers])


def with_data(record: Record, **changed: object) -> Record:
    return replace(record, value=json.dumps({**record.data, **changed}).encode())


def event_id(record: Record) -> str:
    return str(record.header("ce_id"))


def a_second_result(topic: str, history: History) -> str:
    other = derive("another")
    history.records.append(with_header(replace(history.of(topic), offset=1), "ce_id", other))
    return other
