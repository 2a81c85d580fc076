"""Fakes of the ports, for tests of actions; shared suites hold them to the real adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from actions.errors import PermanentError, TransientError, UncertainError
from actions.ports import (
    Identity,
    LeadRules,
    Mail,
    Mailer,
    Notifier,
    Receipt,
    StoredContact,
    WelcomeTemplate,
)
from topics.events import Candidate, Contact, LeadAssigned, Owner, Suppressing

_MAX_CANDIDATES = 10
_SHARES_A_PHONE = 0.5


@dataclass
class FakeIdentity:
    """Contact keys that can be read: `key of <e-mail or phone>`."""

    def contact_key(self, *, email: str | None, phone: str | None) -> str:
        if email is None and phone is None:
            raise ValueError("a contact key needs an e-mail or a phone")
        return f"key of {email or phone}"


@dataclass
class FakeRules:
    """Rules as leads.toml would give them."""

    default_region: str = "DE"


@dataclass
class FakeContacts:
    """The port Contacts; changes made directly count at once."""

    kept: dict[str, StoredContact] = field(default_factory=dict)
    saves: int = 0

    async def get(self, contact_key: str) -> StoredContact | None:
        return self.kept.get(contact_key)

    async def sharing_phone(self, phone: str, *, besides: str) -> Sequence[Candidate]:
        others = sorted(
            contact.contact_id
            for contact in self.kept.values()
            if contact.contact_key != besides
            and "phone" in contact.fields
            and contact.fields["phone"].value == phone
        )
        return [
            Candidate(contact_id=other, rule="phone", score=_SHARES_A_PHONE)
            for other in others[:_MAX_CANDIDATES]
        ]

    async def save(self, contact: StoredContact) -> None:
        self.saves += 1
        self.kept[contact.contact_key] = contact

    @asynccontextmanager
    async def action(self) -> AsyncIterator[FakeContacts]:
        """One action: its changes count when it ends, and are dropped if it fails."""
        staged = FakeContacts(dict(self.kept), self.saves)
        yield staged
        self.kept, self.saves = staged.kept, staged.saves


@dataclass
class FakeRoster:
    """The port Roster; called directly, a turn is taken at once."""

    owners: Sequence[Owner]
    turns: int = 0

    async def next_turn(self) -> int:
        self.turns += 1
        return self.turns - 1

    @asynccontextmanager
    async def action(self) -> AsyncIterator[FakeRoster]:
        """One action: if it fails, its turns go to the next."""
        staged = FakeRoster(self.owners, self.turns)
        yield staged
        self.turns = staged.turns


@dataclass
class FakeSuppressions:
    """The port Suppressions; of each reason the latest moment is kept at once."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict)

    async def put(self, contact_key: str, reason: Suppressing, time: str) -> None:
        self.kept[contact_key, reason] = max(time, self.kept.get((contact_key, reason), ""))


@dataclass
class _Effect:
    event_id: str
    reference: str | None = None


@dataclass
class FakeEffects:
    """The port Effects as one event sees it; `of` returns it as another event sees the same effects."""

    key: str = "effect"
    event_id: str = "event-1"
    begun: dict[str, _Effect] = field(default_factory=dict)
    refused: Literal["no-consent", "suppressed"] | None = None
    """Why the contact must not be written to."""

    def of(self, event_id: str, key: str | None = None) -> FakeEffects:
        return FakeEffects(self.key if key is None else key, event_id, self.begun, self.refused)

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        if self.refused is not None:
            return Receipt("", is_mine=False, refused=self.refused)
        effect = self.begun.get(self.key)
        if effect is None:
            return Receipt(await self._call(call), is_mine=True)
        is_mine = effect.event_id == self.event_id
        if effect.reference is not None:
            return Receipt(effect.reference, is_mine=is_mine)
        if is_mine:
            raise UncertainError(f"the call {self.key} was cut off before its outcome was known")
        return Receipt("", is_mine=False, is_pending=True)

    async def _call(self, call: Callable[[], Awaitable[str]]) -> str:
        effect = self.begun[self.key] = _Effect(self.event_id)
        try:
            effect.reference = await call()
        except (TransientError, PermanentError):
            del self.begun[self.key]
            raise
        return effect.reference


@dataclass
class FakeTemplate:
    """The port WelcomeTemplate."""

    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        return Mail(
            message_id=f"<{key}>",
            to=str(contact.email),
            subject="Welcome",
            text=f"Hello {contact.name}, {owner.name} looks after you.",
        )


@dataclass
class FakeMailer:
    """The port Mailer; raises `failures` first, one a call."""

    failures: list[Exception] = field(default_factory=list)
    sent: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(mail)


@dataclass
class FakeNotifier:
    """The port Notifier; raises `failures` first, one a call."""

    channel: Literal["webhook", "email", "none"] = "webhook"
    failures: list[Exception] = field(default_factory=list)
    notified: list[tuple[str, LeadAssigned]] = field(default_factory=list)

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.notified.append((key, assigned))
        return f"reference of {key}"


SHARED_FAKES: dict[type, Callable[[], object]] = {
    Identity: FakeIdentity,
    LeadRules: FakeRules,
    Mailer: FakeMailer,
    Notifier: FakeNotifier,
    WelcomeTemplate: FakeTemplate,
}
"""Factories of fakes for the shared ports; the test kit binds them."""
