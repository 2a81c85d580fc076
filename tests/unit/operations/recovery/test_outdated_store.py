"""Refusing a store that is older than its topics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.operations.recovery.outdated_store import BehindError, check_is_not_behind
from streams.operations.recovery.watermark import mark_as_behind
from streams.testing import MemoryStore
from streams.testing.cluster import GROUP
from tests.support.lost_store import LosableInstallation, copy_of
from tests.support.reading_back import RememberedLog
from topics.events import LeadReceived


def check(onboarding: LosableInstallation, store: MemoryStore, group: str = GROUP) -> None:
    installation = replace(onboarding.cluster.installation, database=store)
    onboarding.run(check_is_not_behind(installation, RememberedLog(onboarding.cluster.log, group)))


def test_a_copy_made_by_any_means_is_refused_until_it_has_caught_up(onboarding: LosableInstallation) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    copy = copy_of(onboarding.store)
    check(onboarding, copy)
    onboarding.publish("e-2", email="max@example.com")

    with pytest.raises(BehindError, match="leads store catch-up"):
        check(onboarding, copy)

    onboarding.lose_the_store(copy)
    check(onboarding, copy)


def test_a_store_whose_catching_up_was_cut_off_is_refused(onboarding: LosableInstallation) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    onboarding.store.transact(mark_as_behind)

    with pytest.raises(BehindError, match="leads store catch-up"):
        check(onboarding, onboarding.store)


def test_what_another_group_did_or_nobody_acknowledged_does_not_count_as_behind(
    onboarding: LosableInstallation,
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
    onboarding: LosableInstallation, caplog: pytest.LogCaptureFixture
) -> None:
    onboarding.publish("e-1", email="jane@example.com")

    check(onboarding, MemoryStore())

    assert "leads store catch-up" in caplog.text
