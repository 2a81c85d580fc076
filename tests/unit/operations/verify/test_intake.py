"""Faults that show as soon as a record is read: key, partition, form."""

from __future__ import annotations

from functools import partial

from streams.operations.verify.contract import (
    LETTERS,
    UPSERTED,
    partition_of,
)
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    KEY,
    PREFIX,
    History,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, fault_in, with_header

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("misplaced", "a result under another key")
def a_result_under_another_key(history: History) -> str:
    history.swap(history.of(UPSERTED), key=b"other")
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a record on another partition than its key's")
def a_record_on_another_partition(history: History) -> str:
    counts = range(2, 100)
    history.partitions[UPSERTED] = next(count for count in counts if partition_of(KEY.encode(), count))
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a record that is not an event of this topic")
def a_result_of_another_type(history: History) -> str:
    record = history.of(UPSERTED)
    history.swap(record, headers=with_header(record, "ce_type", "crm.lead.rejected.v1").headers)
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a record that is not a dead letter on the topic of dead letters")
def a_record_that_is_no_dead_letter(history: History) -> str:
    history.swap(history.of(LETTERS), headers=[])
    return f"{PREFIX}{LETTERS}/0/0"


@each(FAULTS)
async def test_intake_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
