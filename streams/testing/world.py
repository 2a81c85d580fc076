"""Provides the outside world of a test: it records mails and notifications, and can be down."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partialmethod
from typing import Literal, get_type_hints

from actions.errors import TransientError
from actions.fakes import SHARED_FAKES
from actions.ports import (
    Contacts,
    Effects,
    Identity,
    Mail,
    Mailer,
    Notifier,
    Roster,
    Suppressions,
    WelcomeTemplate,
)
from streams.adapters.identity import HmacIdentity
from streams.engine.installation import Adapters
from streams.onboarding import ONBOARDING
from streams.store.contacts import SqlContacts
from streams.store.roster import SqlRoster
from streams.store.suppressions import SqlSuppressions
from streams.workflow import Ports, Workflow
from topics.events import Contact, LeadAssigned, Owner

OWNERS = (
    Owner(id="ada", name="Ada", email="ada@example.com"),
    Owner(id="bob", name="Bob", email="bob@example.com"),
    Owner(id="cyd", name="Cyd", email="cyd@example.com"),
)
"""The roster of a test."""


def _take(_: object) -> None:
    """Accept it."""


@dataclass
class World:
    """Mails and notifications that were sent; `fail` and `fail_note` may raise to refuse one."""

    mails: list[Mail] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Keys of the notifications."""
    fail: Callable[[Mail], None] = _take
    fail_note: Callable[[str], None] = _take

    def go_down(self) -> None:
        """Refuse mails, as a mail server that is down."""

        def refuse(_: Mail) -> None:
            raise TransientError("SMTP_UNREACHABLE", "the mail server cannot be reached")

        self.fail = refuse

    def come_back(self) -> None:
        """Accept mails and notifications again."""
        self.fail = self.fail_note = _take

    def stop_notifying(self) -> None:
        """Refuse notifications, as a webhook that is down."""

        def refuse(_: str) -> None:
            raise TransientError("WEBHOOK_UNREACHABLE", "the webhook cannot be reached")

        self.fail_note = refuse

    async def send(self, mail: Mail) -> None:
        """See `actions.ports.Mailer.send`."""
        self.fail(mail)
        self.mails.append(mail)

    @property
    def channel(self) -> Literal["webhook", "email", "none"]:
        """See `actions.ports.Notifier.channel`."""
        return "webhook"

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:  # noqa: ARG002 - the port's
        """See `actions.ports.Notifier.notify`."""
        self.fail_note(key)
        self.notes.append(key)
        return key

    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        """See `actions.ports.WelcomeTemplate.render`."""
        return Mail(
            message_id=f"<{key}@example.com>", to=str(contact.email), subject="Welcome", text=owner.name
        )


@dataclass(frozen=True)
class Webhook:
    """The world's notifications, for a receiver that knows a copy by its key."""

    world: World
    channel: Literal["webhook"] = "webhook"
    drops_copies = True

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """See `actions.ports.Notifier.notify`."""
        return await self.world.notify(key=key, assigned=assigned)


_ANSWERS: Mapping[object, object] = {str: "a stand-in's answer", bool: False, int: 0, float: 0.0}


def stand_in(port: type) -> object:
    """Return what answers a port that has no fake: every method does nothing and returns a value of its type.

    So a new action runs in every test of a whole workflow; its own test brings a fake of its own.
    """
    members: dict[str, object] = {}
    for name, member in vars(port).items():
        if name.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
            continue
        answer = _ANSWERS.get(get_type_hints(getattr(member, "fget", member)).get("return"))
        if isinstance(member, property):
            members[name] = answer
        elif inspect.iscoroutinefunction(member):
            members[name] = partialmethod(_answer_later, answer)
        else:
            members[name] = partialmethod(_answer, answer)
    return type(f"StandIn{port.__name__}", (), members)()


def _answer(_: object, answer: object, *__: object, **___: object) -> object:
    return answer


async def _answer_later(_: object, answer: object, *__: object, **___: object) -> object:
    return answer


def adapters_of(
    world: World, *, shared: Mapping[type, object] | None = None, workflow: Workflow = ONBOARDING
) -> Adapters:
    """Bind every port: those of the store to SQL, the outside ones to `world`, all others to fakes or stand-ins.

    `shared` are your own adapters by type and win over the others; `workflow` names the ports that are needed.
    """
    asked = {port for step in workflow.steps for port in step.action.ports.values()}
    bound: dict[type, object] = {
        **{port: stand_in(port) for port in asked - {Contacts, Roster, Suppressions, Effects}},
        **{port: fake() for port, fake in SHARED_FAKES.items()},
        Identity: HmacIdentity(b"a secret for tests"),
        Mailer: world,
        WelcomeTemplate: world,
        Notifier: Webhook(world),
        **(shared or {}),
    }
    return Adapters(
        Ports(
            bound,
            {
                Contacts: SqlContacts,
                Roster: lambda connection, _: SqlRoster(connection, OWNERS),
                Suppressions: lambda connection, _: SqlSuppressions(connection),
            },
        )
    )
