"""Who must not be written to gets no mail, and the outcome says why; in the engine, on both databases."""

from __future__ import annotations

import orjson
import pytest

from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.testing import Cluster, World, adapters_of, event_headers, lead
from tests.support.workflow import RECEIVED, data
from topics.events import ContactSuppressed, LeadWelcomed


def outcomes(cluster: Cluster) -> list[tuple[str, str | None]]:
    return [
        (str(data(record)["outcome"]), data(record).get("reason")) for record in cluster.records(LeadWelcomed)
    ]


async def publish(cluster: Cluster, event_id: str, **fields: object) -> None:
    cluster.clock.advance(minutes=1)
    now = cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    cluster.log.append(RECEIVED, None, lead(**fields), event_headers(event_id, time=now))
    await cluster.settle()


async def suppress(cluster: Cluster, reason: str, **person: str) -> None:
    cluster.clock.advance(minutes=1)
    now = cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    value = orjson.dumps({**person, "reason": reason, "time": now})
    headers = event_headers(f"s-{now}", type=ContactSuppressed.type, time=now)
    cluster.log.append(cluster.names.of(ContactSuppressed), None, value, headers)
    await cluster.settle()


@pytest.mark.parametrize(
    "said",
    [
        {"consent": {"marketing": False}},
        {"Email Opt Out": "1"},
        {"attributes": {"newsletter": "unsubscribed"}},
    ],
)
async def test_who_said_no_is_skipped_until_a_later_yes(
    cluster: Cluster, world: World, said: dict[str, object]
) -> None:
    await publish(cluster, "e-1", **said)
    await publish(cluster, "e-2")
    assert world.mails == []

    await publish(cluster, "e-3", consent={"marketing": True})
    await publish(cluster, "e-4", consent={"marketing": True})

    assert outcomes(cluster) == [
        ("skipped", "no-consent"), ("skipped", "no-consent"), ("sent", None), ("skipped", "already-welcomed"),
    ]  # fmt: skip
    assert len(world.mails) == 1


async def test_who_is_suppressed_is_skipped_whatever_their_leads_say(cluster: Cluster, world: World) -> None:
    await suppress(cluster, "complained", email="Jane.Doe@Example.com")
    await publish(cluster, "e-1", consent={"marketing": True})
    assert outcomes(cluster) == [("skipped", "suppressed")]

    await suppress(cluster, "lifted", email="jane.doe@example.com")
    await publish(cluster, "e-2")

    assert outcomes(cluster)[1:] == [("sent", None)]
    assert len(world.mails) == 1


async def test_where_a_yes_is_required_silence_is_skipped(database: Database, world: World) -> None:
    strict = ONBOARDING.with_effect("welcome", requires="consent")
    cluster = Cluster(strict, adapters_of(world), database)

    await publish(cluster, "e-1")
    await publish(cluster, "e-2", consent={"marketing": "perhaps"})
    await publish(cluster, "e-3", consent={"marketing": "ja"})

    assert outcomes(cluster) == [("skipped", "no-consent"), ("skipped", "no-consent"), ("sent", None)]


async def test_a_no_that_comes_before_the_retry_is_asked_by_the_retry(cluster: Cluster, world: World) -> None:
    world.go_down()
    await publish(cluster, "e-1", consent={"marketing": True})
    await suppress(cluster, "unsubscribed", email="jane.doe@example.com")
    world.come_back()
    cluster.clock.advance(minutes=10)
    await cluster.retries.tick()
    await cluster.settle()

    assert outcomes(cluster) == [("skipped", "suppressed")]
    assert world.mails == []
