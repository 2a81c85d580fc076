"""Taking dead letters into ledger and effects."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from streams.operations.recovery.failures import Failed, read_letter, take, with_claims
from streams.store import ledger
from streams.store.schema import INTENT, RELEASED, effects
from streams.testing import MemoryStore
from tests.support.lost_store import LosableInstallation
from topics.letter import FailureClass

WELCOME = "send-welcome-email"


def read(onboarding: LosableInstallation, group: str | None = None) -> list[Failed | None]:
    """Read every letter there is, as an installation of this group does."""
    installation = onboarding.cluster.installation
    installation = replace(installation, group=group or installation.group)
    records = onboarding.cluster.log.topics[installation.topics.letters]
    return [read_letter(record, installation) for record in records]


def welcome_failure(onboarding: LosableInstallation) -> Failed:
    """Return the failure of a welcome whose mail server is down, with the key of its call."""
    onboarding.world.go_down()
    onboarding.publish("e-1", email="jane@example.com")
    failures = [each for each in read(onboarding) if each is not None and each.letter.action == WELCOME]
    (failure,) = onboarding.run(with_claims(failures, onboarding.cluster.installation))
    assert isinstance(failure, Failed)
    return failure


def classed(failure: Failed, failure_class: FailureClass, code: str = "CODE") -> Failed:
    return replace(failure, letter=replace(failure.letter, failure_class=failure_class, code=code))


def statuses(store: MemoryStore) -> list[int]:
    return list(store.transact(lambda link: link.execute(sa.select(effects.c.status)).scalars().all()))


def test_a_letter_of_an_execution_has_the_row_that_its_worker_wrote(onboarding: LosableInstallation) -> None:
    failure = welcome_failure(onboarding)

    rows = onboarding.store.transact(lambda link: ledger.find(link, [failure.ledger_id]))

    # A letter shows neither how long its execution took nor when its row was written.
    written = rows[failure.ledger_id]
    assert failure.row() == written._replace(duration_us=0, done_at=failure.at_us)
    assert failure.claim is not None


def test_letters_of_unreadable_records_and_of_another_group_are_no_executions(
    onboarding: LosableInstallation,
) -> None:
    onboarding.publish("e-5", value=b"{")
    unreadable = read(onboarding)
    welcome_failure(onboarding)

    assert unreadable == [None]
    assert set(read(onboarding, group="another")) == {None}


@pytest.mark.parametrize(
    ("failure_class", "learnt", "after_an_intent"),
    [
        ("uncertain", [INTENT], [INTENT]),
        ("defect", [INTENT], [INTENT]),
        ("transient", [], [RELEASED]),
        ("throttled", [], [RELEASED]),
        ("rejected", [], [RELEASED]),
        ("poison", [], [INTENT]),
    ],
)
def test_the_class_of_a_failure_shows_whether_its_call_may_have_been_made(
    onboarding: LosableInstallation,
    failure_class: FailureClass,
    learnt: list[int],
    after_an_intent: list[int],
) -> None:
    failure = classed(welcome_failure(onboarding), failure_class)
    later = replace(failure, letter=replace(failure.letter, generation=failure.letter.generation + 1))
    store, begun = MemoryStore(), MemoryStore()
    begun.transact(lambda link: take(link, [classed(failure, "uncertain")]))

    counts = [
        store.transact(lambda link: take(link, [failure])),
        begun.transact(lambda link: take(link, [later])),
    ]

    assert counts == [1, 1]
    assert (statuses(store), statuses(begun)) == (learnt, after_an_intent)
    store.close()
    begun.close()


def test_a_failure_that_the_store_knows_changes_nothing(onboarding: LosableInstallation) -> None:
    failure = welcome_failure(onboarding)
    before = statuses(onboarding.store)

    assert onboarding.store.transact(lambda link: take(link, [classed(failure, "uncertain")])) == 0
    assert statuses(onboarding.store) == before


@pytest.mark.parametrize("code", ["STORE_REFUSED", "STORE_CONFLICT"])
def test_an_outcome_that_the_ledger_could_not_take_is_no_row_and_its_call_may_have_been_made(
    onboarding: LosableInstallation, code: str
) -> None:
    failure, store = classed(welcome_failure(onboarding), "defect", code), MemoryStore()

    count = store.transact(lambda link: take(link, [failure]))

    assert (count, statuses(store)) == (0, [INTENT])
    assert store.transact(lambda link: ledger.find(link, [failure.ledger_id])) == {}
    store.close()
