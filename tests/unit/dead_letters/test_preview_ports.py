"""The ports of a preview behave as the real ones when an action fails or was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from streams.dead_letters.preview_ports import PreviewEffects, PreviewRoster
from streams.store import effects
from streams.store.migrate import open_database
from streams.store.roster import SqlRoster
from topics.events import Owner

WORK: Any = SimpleNamespace(
    ledger_id=b"1" * 16,
    effect_key="welcome:k",
    request=None,
    contact_key=None,
    event=None,
    step=SimpleNamespace(action=SimpleNamespace(kebab="send-welcome-email", effect=None)),
)
"""The fields of an execution that a port reads."""


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Connection]:
    """Store in which this execution was cut off during a call."""
    database = open_database(sqlite_url)
    claim = effects.Claim("cut-off", WORK.ledger_id, "send-welcome-email", may_repeat=False)
    database.transact(lambda connection: effects.claim(connection, [claim], "w", 0, str))
    with database.snapshot() as connection:
        yield connection
    database.close()


async def called() -> str:
    return "reference"


@pytest.mark.parametrize(("is_kept", "next_"), [(True, 1), (False, 0)])
async def test_a_turn_counts_for_the_letters_after_it_only_when_its_action_succeeds(
    store: Connection,
    is_kept: bool,  # noqa: FBT001 - a case of the test
    next_: int,
) -> None:
    roster = PreviewRoster(store, SqlRoster(store, [Owner(id="o1", name="Ann", email="ann@example.com")]))

    first = await roster.next_turn()
    if is_kept:
        roster.keep()
    else:
        roster.drop()

    assert (first, await roster.next_turn()) == (0, next_)


@pytest.mark.parametrize(("is_kept", "state"), [(True, "held"), (False, "goes-out")])
async def test_a_call_holds_back_the_same_call_of_later_letters_only_when_its_action_succeeds(
    store: Connection,
    is_kept: bool,  # noqa: FBT001 - a case of the test
    state: str,
) -> None:
    port = PreviewEffects(store, str)
    port.begin(WORK, 1, may_repeat=False)
    await port.once(called)
    port.end(is_kept=is_kept)

    port.begin(WORK, 2, may_repeat=False)
    await port.once(called)

    assert [call.state for call in port.calls] == [state]


async def test_a_call_that_was_cut_off_is_predicted_to_go_out_again(store: Connection) -> None:
    port = PreviewEffects(store, str)
    cut_off: Any = SimpleNamespace(**{**vars(WORK), "effect_key": "cut-off"})
    port.begin(cut_off, 1, may_repeat=True)

    await port.once(called)

    assert [call.state for call in port.calls] == ["goes-out-again"]
