"""A worker refuses a store that is older than its topics."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest

from streams.onboarding import ONBOARDING
from streams.operations.recovery.outdated_store import BehindError, check_is_not_behind
from streams.operations.recovery.watermark import mark_as_behind
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import TimelessLoop
from streams.testing.cluster import GROUP
from tests.support.lost_store import catch_up, copy_of
from tests.support.reading_back import RememberedLog
from topics.events import LeadReceived


class Installation:
    """A cluster whose store can be lost."""

    def __init__(self) -> None:
        self.loop = TimelessLoop()
        self.world = World()
        self.store = MemoryStore()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), self.store)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it gives
        return self.loop.run_until_complete(coroutine)

    def publish(self, event_id: str, value: bytes | None = None, **fields: object) -> None:
        self.cluster.clock.advance(seconds=20)
        headers = event_headers(event_id, time=self.cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
        email = str(fields.get("email", event_id))
        topic = self.cluster.names.of(LeadReceived)
        self.cluster.log.append(topic, email.encode(), lead(**fields) if value is None else value, headers)
        self.run(self.cluster.settle())

    def retry(self) -> None:
        self.cluster.clock.advance(minutes=5)
        self.run(self.cluster.retries.tick())
        self.run(self.cluster.settle())

    def lose_the_store(self, backup: MemoryStore) -> Any:  # noqa: ANN401 - CaughtUp
        done = self.run(catch_up(self.cluster, backup))
        self.store = backup
        return done


@pytest.fixture
def onboarding() -> Iterator[Installation]:
    made = Installation()
    yield made
    made.store.close()
    made.run(made.loop.shutdown_asyncgens())
    made.loop.close()


def check(onboarding: Installation, store: MemoryStore, group: str = GROUP) -> None:
    installation = replace(onboarding.cluster.installation, database=store)
    onboarding.run(check_is_not_behind(installation, RememberedLog(onboarding.cluster.log, group)))


def test_a_copy_made_by_any_means_is_refused_until_it_has_caught_up(onboarding: Installation) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    copy = copy_of(onboarding.store)
    check(onboarding, copy)
    onboarding.publish("e-2", email="max@example.com")

    with pytest.raises(BehindError, match="leads store catch-up"):
        check(onboarding, copy)

    onboarding.lose_the_store(copy)
    check(onboarding, copy)


def test_a_store_whose_catching_up_was_cut_off_is_refused(onboarding: Installation) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    onboarding.store.transact(mark_as_behind)

    with pytest.raises(BehindError, match="leads store catch-up"):
        check(onboarding, onboarding.store)


def test_what_another_group_did_or_nobody_acknowledged_does_not_count_as_behind(
    onboarding: Installation,
) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    copy = copy_of(onboarding.store)
    onboarding.publish("e-2", email="max@example.com")

    check(onboarding, copy, group="another")
    onboarding.cluster.forget_acknowledgements()
    log = onboarding.cluster.log
    log.commit(GROUP, log.topics[onboarding.cluster.names.of(LeadReceived)][0])  # e-1 alone
    check(onboarding, copy)


def test_an_empty_store_is_warned_about_and_not_refused(
    onboarding: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    onboarding.publish("e-1", email="jane@example.com")

    check(onboarding, MemoryStore())

    assert "leads store catch-up" in caplog.text
