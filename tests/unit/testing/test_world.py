"""The outside world of a test, and what answers ports without a fake."""

from __future__ import annotations

from typing import Protocol

import pytest

from actions.errors import TransientError
from actions.ports import Mail, Mailer, Notifier
from streams.onboarding import ONBOARDING
from streams.testing import World, adapters_of
from streams.testing.world import stand_in

MAIL = Mail(message_id="<1@acme.example>", to="a@b.example", subject="Hello", text="Hello")


class Calendar(Protocol):
    @property
    def zone(self) -> str | None: ...
    @property
    def is_open(self) -> bool: ...
    async def book(self, *, key: str) -> str: ...
    def count(self) -> int: ...


async def test_a_world_that_is_down_takes_no_mail_and_takes_them_again() -> None:
    world = World()
    world.go_down()
    with pytest.raises(TransientError, match="cannot be reached"):
        await world.send(MAIL)
    world.come_back()
    await world.send(MAIL)

    assert world.mails == [MAIL]


async def test_a_port_without_a_fake_is_answered_by_values_of_its_types() -> None:
    calendar = stand_in(Calendar)

    assert await calendar.book(key="k") == "a stand-in's answer"  # type: ignore[attr-defined]
    assert calendar.count() == 0  # type: ignore[attr-defined]
    assert (calendar.zone, calendar.is_open) == (None, False)  # type: ignore[attr-defined]


def test_every_port_of_the_workflow_is_bound_and_ports_of_the_test_win() -> None:
    world, mine = World(), World()

    ports = adapters_of(world, shared={Mailer: mine}).ports

    asked = {port for step in ONBOARDING.steps for port in step.action.ports.values()}
    assert asked - ports.shared.keys() - ports.transactional.keys() <= {
        port for port in asked if port.__name__ == "Effects"
    }
    assert ports.shared[Mailer] is mine
    assert ports.shared[Notifier].world is world  # type: ignore[attr-defined]
