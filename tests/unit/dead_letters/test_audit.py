"""The audit publishes who does what and why as one CloudEvent per entry, or fails in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson
import pytest

from streams.dead_letters import audit
from streams.dead_letters.audit import Audit, AuditError, Entry
from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing
from streams.onboarding import ONBOARDING
from streams.testing import Clock, MemoryLog, MemoryStore
from tests.support.letter_harness import NAMES, Refusing

NOW = "2026-11-23T09:00:00.000000Z"


class Silent:
    """Broker that never answers."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await asyncio.Event().wait()


@pytest.fixture
def installation() -> Iterator[Installation]:
    clock, store = Clock(), MemoryStore()
    yield Installation(
        workflow=ONBOARDING, database=store, publisher=MemoryLog(clock), topics=NAMES, clock=clock
    )
    store.close()


async def test_an_entry_is_a_cloudevent_keyed_by_its_letter(installation: Installation) -> None:
    log = MemoryLog(Clock())
    entry = Entry("discard", "letter-1", {"generation": 2})

    await Audit(replace(installation, publisher=log), "ann").write("spam", [entry])

    (record,) = log.topics[NAMES.audit]
    headers = dict(record.headers)
    assert (record.key, orjson.loads(record.value or b"")) == (
        b"letter-1",
        {
            "act": "discard",
            "about": "letter-1",
            "author": "ann",
            "reason": "spam",
            "time": NOW,
            "generation": 2,
        },
    )
    assert len(headers.pop("ce_id") or b"") == 36
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": b"/leads/operator",
        "ce_type": b"crm.dead-letter.audited.v1",
        "ce_subject": b"letter/letter-1",
        "ce_time": NOW.encode(),
        "content-type": b"application/json",
    }


async def test_two_entries_have_two_ids(installation: Installation) -> None:
    log = MemoryLog(Clock())

    await Audit(replace(installation, publisher=log), "ann").write(None, [Entry("keep", "a")] * 2)

    assert len({dict(record.headers)["ce_id"] for record in log.topics[NAMES.audit]}) == 2


@pytest.mark.parametrize(
    ("publisher", "cause"),
    [(Silent(), "no broker took it within 0 s"), (Refusing(), "1 records were not taken")],
)
async def test_an_entry_that_the_broker_does_not_take_in_time_is_an_error_with_the_cause(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    publisher: Silent | Refusing,
    cause: str,
) -> None:
    monkeypatch.setattr(audit, "WITHIN_S", 0.01)

    with pytest.raises(AuditError) as caught:
        await Audit(replace(installation, publisher=publisher), "ann").write(
            "why", [Entry("keep", "letter-1")]
        )

    assert str(caught.value) == (
        f"{NAMES.audit} cannot be written ({cause}); no command is carried out before it is audited there"
    )
