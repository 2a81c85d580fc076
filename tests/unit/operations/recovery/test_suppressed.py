"""A store that was lost knows again who must not be written to, however long ago they said so."""

from __future__ import annotations

import orjson
import sqlalchemy as sa

from streams.operations.recovery.suppressed import suppressions_in
from streams.store.schema import suppressions
from streams.testing import MemoryStore, event_headers
from tests.support.lost_store import LosableInstallation
from topics.events import ContactSuppressed


def suppress(onboarding: LosableInstallation, email: str, reason: str, time: str) -> None:
    cluster = onboarding.cluster
    value = orjson.dumps({"email": email, "reason": reason, "time": time})
    headers = event_headers(f"{email}-{reason}-{time}", type=ContactSuppressed.type)
    cluster.log.append(cluster.names.of(ContactSuppressed), b"any key", value, headers)
    onboarding.run(cluster.settle())


def stored(store: MemoryStore) -> list[tuple[str, ...]]:
    rows = store.transact(lambda connection: connection.execute(sa.select(suppressions)).all())
    return sorted(map(tuple, rows))


def test_everybody_who_said_no_is_known_again_and_gets_no_mail(onboarding: LosableInstallation) -> None:
    suppress(onboarding, "ada@example.com", "unsubscribed", "2026-10-01T08:00:00Z")
    suppress(onboarding, "Bob@example.com", "complained", "2026-10-01T08:00:00Z")
    suppress(onboarding, "bob@example.com", "lifted", "2026-10-02T08:00:00Z")
    before = stored(onboarding.store)
    empty = MemoryStore()

    done = onboarding.lose_the_store(empty)
    onboarding.publish("e-1", email="ada@example.com")
    onboarding.publish("e-2", email="bob@example.com")

    assert len(before) == 3
    assert stored(empty) == before
    assert done.suppressions == 3
    assert [mail.to for mail in onboarding.world.mails] == ["bob@example.com"]


def test_records_that_only_a_letter_can_tell_of_are_left_out(onboarding: LosableInstallation) -> None:
    suppress(onboarding, "no address", "unsubscribed", "2026-10-01T08:00:00Z")
    cluster = onboarding.cluster
    cluster.log.append(
        cluster.names.of(ContactSuppressed), b"k", b"{", event_headers("e", type=ContactSuppressed.type)
    )

    records = cluster.records(ContactSuppressed)

    assert len(records) == 2
    assert suppressions_in(records, cluster.installation) == {}
