"""Faults in the history of a contact's fields, and reused ids."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

from streams.operations.verify.contract import (
    MATCHED,
    RECEIVED,
)
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    CONTACT,
    KEY,
    LEAD_ID,
    PREFIX,
    History,
    received,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, event_id, fault_in

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("lost", "an id that came again with other content, and no letter")
def an_id_that_is_used_twice(history: History) -> str:
    history.swap(history.of(RECEIVED), value=b'{"email": "ana@customer.example"}')
    history.records.append(received(LEAD_ID, 2, b'{"email": "eva@customer.example"}'))
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("inconsistent", "a contact's field is older than what a lead said later")
def a_field_that_is_older_than_what_was_stated_later(history: History) -> str:
    stated = {"contact_key": KEY, "lead": {"company": "New GmbH"}, "origin": {"time": "2026-11-23T12:00:00Z"}}
    history.swap(history.of(MATCHED), value=json.dumps(stated).encode())
    at = next(each for each in history.ledger if each.id == event_id(history.of(MATCHED)))
    history.ledger[history.ledger.index(at)] = replace(at, result=json.dumps(stated).encode())
    fields = {"company": ["Old GmbH", "/web", "2026-11-23T08:00:00Z", "e-0"]}
    history.contacts[0] = replace(history.contacts[0], fields=json.dumps(fields).encode())
    return CONTACT


@each(FAULTS)
async def test_field_history_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
