"""This file wires the onboarding workflow for tests: real store, an outside world that records and can be down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import orjson

from actions.errors import TransientError
from actions.ports import Contacts, Identity, LeadRules, Mail, Mailer, Notifier, Roster, WelcomeTemplate
from streams.assembly import Adapters
from streams.identity import HmacIdentity
from streams.ports import Ports
from streams.store.contacts import SqlContacts
from streams.store.roster import SqlRoster
from topics.events import Contact, LeadAssigned, Owner

OWNERS = (
    Owner(id="ada", name="Ada", email="ada@example.com"),
    Owner(id="bob", name="Bob", email="bob@example.com"),
    Owner(id="cyd", name="Cyd", email="cyd@example.com"),
)


@dataclass
class World:
    """What went outside; `fail` may raise instead of letting a mail go."""

    mails: list[Mail] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fail: Callable[[Mail], None] = lambda mail: None

    def go_down(self) -> None:
        def refuse(mail: Mail) -> None:
            raise TransientError("SMTP_UNREACHABLE", "the mail server cannot be reached")

        self.fail = refuse

    def come_back(self) -> None:
        self.fail = lambda mail: None

    async def send(self, mail: Mail) -> None:
        self.fail(mail)
        self.mails.append(mail)

    @property
    def channel(self) -> Literal["webhook", "email", "none"]:
        return "webhook"

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        self.notes.append(key)
        return key

    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        assert contact.email is not None
        return Mail(message_id=f"<{key}@example.com>", to=contact.email, subject="Welcome", text=owner.name)


@dataclass(frozen=True)
class Rules:
    default_region: str = "DE"


def adapters_of(world: World, *, repeats_welcome: bool = False) -> Adapters:
    shared: dict[type, object] = {
        Identity: HmacIdentity(b"a secret for tests"),
        LeadRules: Rules(),
        Mailer: world,
        WelcomeTemplate: world,
        Notifier: world,
    }
    ports = Ports(
        shared, {Contacts: SqlContacts, Roster: lambda connection, _: SqlRoster(connection, OWNERS)}
    )
    return Adapters(
        ports,
        lanes={"send_welcome_email": 4, "notify_owner": 4},
        repeats={"send_welcome_email": repeats_welcome, "notify_owner": True},
    )


def lead(**fields: object) -> bytes:
    """Give a plain JSON lead as a person with a console producer writes it."""
    return orjson.dumps({"email": "jane.doe@example.com", "name": "Jane Doe", **fields})


def event_headers(event_id: str, **attributes: str) -> list[tuple[str, bytes | None]]:
    """Binary-mode headers of a LeadReceived."""
    named = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/web",
        "type": "crm.lead.received.v1",
        "subject": f"lead/{event_id}",
        "time": "2026-11-23T08:00:00Z",
        **attributes,
    }
    headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in named.items()]
    return [*headers, ("content-type", b"application/json")]
