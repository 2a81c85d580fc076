"""Test storing pauses and cancellations."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from streams.store import pauses
from streams.store.engine import Database
from streams.store.pauses import Cancellation, PauseRow

OWN = PauseRow("send_welcome_email", "worker-1", "dependency", "mail fails", None, 5, 6, 10)


def test_a_persons_first_pause_stays_until_it_is_resumed(database: Database) -> None:
    def unit(connection: Connection) -> list[object]:
        answers: list[object] = [
            pauses.pause(connection, "notify_owner", "new webhook", "ann", 1),
            pauses.pause(connection, "notify_owner", "another reason", "bob", 2),
            [(row.reason, row.paused_by) for row in pauses.by_hand(connection)],
        ]
        return [
            *answers,
            pauses.resume(connection, "notify_owner"),
            pauses.resume(connection, "notify_owner"),
        ]

    assert database.transact(unit) == [True, False, [("new webhook", "ann")], True, False]


def test_a_worker_replaces_its_own_pauses_and_those_of_silent_workers_are_left_out(
    database: Database,
) -> None:
    def unit(connection: Connection) -> list[list[str]]:
        pauses.pause(connection, "notify_owner", "new webhook", "ann", 1)
        pauses.write(connection, "worker-1", [OWN])
        seen = [[row.holder for row in pauses.all_of(connection, moment)] for moment in (10, 11)]
        pauses.write(connection, "worker-1", [])
        return [*seen, [row.holder for row in pauses.all_of(connection, 0)]]

    assert database.transact(unit) == [["", "worker-1"], [""], [""]]


def test_silent_workers_are_forgotten_and_people_are_not(database: Database) -> None:
    def unit(connection: Connection) -> list[str]:
        pauses.pause(connection, "notify_owner", "new webhook", "ann", 1)
        pauses.write(connection, "worker-1", [OWN])
        pauses.forget_silent(connection, 11)
        return [row.step for row in pauses.all_of(connection, 0)]

    assert database.transact(unit) == ["notify_owner"]


def test_a_run_is_cancelled_once_and_forgotten_up_to_the_limit(database: Database) -> None:
    rows = [Cancellation(f"run-{number}", "lead", "asked us to stop", "ann", number) for number in range(4)]

    def unit(connection: Connection) -> list[object]:
        pauses.cancel(connection, rows)
        pauses.cancel(connection, [Cancellation("run-0", "lead", "again", "bob", 99)])
        known = pauses.cancelled(connection)
        return [sorted(known), pauses.prune_cancelled(connection, 3, 2), sorted(pauses.cancelled(connection))]

    assert database.transact(unit) == [
        ["run-0", "run-1", "run-2", "run-3"],
        2,
        ["run-2", "run-3"],
    ]
