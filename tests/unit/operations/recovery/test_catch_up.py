"""An old copy of the store that caught up from the topics equals the store that was lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.operations.recovery.watermark import is_behind
from streams.testing import MemoryStore
from streams.testing.life import Life
from tests.support.lost_store import LosableInstallation, catch_up, copy_of, knowledge, work_a_day


def test_a_copy_that_caught_up_is_the_store_that_was_lost(onboarding: LosableInstallation) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    assert knowledge(backup) != lost

    done = onboarding.lose_the_store(backup)

    assert knowledge(backup) == lost
    assert (done.uncertain, done.foreign, done.failures > 0, done.resolved > 0) == ([], 0, True, True)
    assert not backup.transact(is_behind)


@pytest.mark.parametrize("begin", [copy_of, lambda _: MemoryStore()], ids=["from a backup", "from nothing"])
def test_after_catching_up_a_full_redelivery_does_nothing_a_second_time(
    onboarding: LosableInstallation, begin: Callable[[MemoryStore], MemoryStore]
) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = begin(onboarding.store)
    work_a_day(onboarding)
    onboarding.lose_the_store(backup)
    mails, notes, known = list(onboarding.world.mails), list(onboarding.world.notes), knowledge(backup)

    onboarding.cluster.forget_acknowledgements()
    onboarding.run(onboarding.cluster.settle())

    assert (onboarding.world.mails, onboarding.world.notes) == (mails, notes)
    assert knowledge(backup) == known
    onboarding.retry()
    assert (
        len(onboarding.world.mails) == len(mails) + 1
    )  # the retry that was due, whose letter came from the topic


def test_catching_up_twice_and_after_being_cut_off_changes_nothing_more(
    onboarding: LosableInstallation,
) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    cut_off = backup.of_worker(Life(ends_at=9))
    with pytest.raises(BaseException, match="commit"):
        onboarding.run(catch_up(onboarding.cluster, cut_off))
    assert backup.transact(is_behind)

    onboarding.lose_the_store(backup)
    assert knowledge(backup) == lost
    onboarding.lose_the_store(backup)

    assert knowledge(backup) == lost
