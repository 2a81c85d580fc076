"""The ports of actions: one Protocol per need, bound by its type at start-up.

Three kinds of adapters implement them. A *shared* one is the same object for all records (rules, roster rules,
templates). A *transactional* one (`Contacts`, `Roster`) reads through the batch's transaction and stages what the
action changes: staged changes of a failed action are dropped, the others are written at once at commit.
`Effects` guards calls that no transaction covers; an action with this port runs outside the batch transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from topics.events import Candidate, Contact, LeadAssigned, Owner, Suppressing


class FieldValue(NamedTuple):
    """One field of a contact: the value that won (JSON), and the event that brought it."""

    value: Any
    source: str
    time: str
    event_id: str


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A contact as the store keeps it."""

    contact_key: str
    contact_id: str
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    owner_id: str | None = None
    revision: int = 0


class Identity(Protocol):
    """Maps an e-mail or a phone to the contact it belongs to."""

    def contact_key(self, *, email: str | None, phone: str | None) -> str:
        """Return a keyed hash of the normalised e-mail, else of the E.164 phone. Raises ValueError without both."""
        ...


class LeadRules(Protocol):
    """How leads are read."""

    @property
    def default_region(self) -> str:
        """ISO 3166-1 alpha-2 region in which a national phone number is read when the lead names no country."""
        ...


class Contacts(Protocol):
    """The contacts, one per contact key. The next action sees what an action saved, unless that one failed."""

    async def get(self, contact_key: str) -> StoredContact | None:
        """Return the contact with this key."""
        ...

    async def sharing_phone(self, phone: str, *, besides: str) -> Sequence[Candidate]:
        """Other contacts with this E.164 phone, at most ten, `besides` the contact with that key."""
        ...

    async def save(self, contact: StoredContact) -> None:
        """Stage the contact as it should now be."""
        ...


class Suppressions(Protocol):
    """The people nobody writes to any more, by contact key."""

    async def put(self, contact_key: str, reason: Suppressing, time: str) -> None:
        """Stage the moment (RFC 3339 UTC with microseconds) of a reason; of each reason the latest one counts."""
        ...


class Roster(Protocol):
    """The people leads are given to."""

    @property
    def owners(self) -> Sequence[Owner]:
        """All owners, in the order of leads.toml."""
        ...

    async def next_turn(self) -> int:
        """Take the next number of the round, 0, 1, 2, …: each number is given once, whatever the number of workers."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of an outside call."""

    reference: str
    """The reference that the call returned, e.g. a Message-ID."""
    is_mine: bool
    """True when this very event made the call (now, or in an earlier attempt); False when another event did."""
    is_pending: bool = False
    """True when another event began the call and its outcome is not known; nothing was called now."""
    refused: Literal["no-consent", "suppressed"] | None = None
    """Why the contact must not be written to now; nothing was called."""


class Effects(Protocol):
    """Makes the action's declared call at most once per key: intent written before it, outcome after it."""

    @property
    def key(self) -> str:
        """The call's key for this event, by the action's `Effect`; e.g. `welcome:<contact key>`."""
        ...

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        """Await `call()` unless one with this key was made before.

        `call` returns a reference to keep, and raises TransientError or PermanentError when it is certain that nothing
        happened outside. Raises UncertainError when an earlier attempt of this event was cut off between the call and
        its outcome, and must not be repeated.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail, ready to go."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    unsubscribe: str | None = None
    """`mailto:` or `https:` URL of the header List-Unsubscribe (RFC 2369)."""


class Mailer(Protocol):
    """Hands an e-mail to the mail server."""

    async def send(self, mail: Mail) -> None:
        """Return when the server has accepted it.

        TransientError: certainly not accepted, try later. PermanentError: refused for good (e.g. no such mailbox).
        UncertainError: the connection broke after the message was sent and before the server's answer.
        """
        ...


class WelcomeTemplate(Protocol):
    """The text that welcomes a contact."""

    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        """Return the welcome to `contact.email`, which is set; `key` determines the Message-ID."""
        ...


class Notifier(Protocol):
    """Notifies an owner of a lead."""

    @property
    def channel(self) -> Literal["webhook", "email", "none"]:
        """How the owner is notified; `none` when nothing is configured."""
        ...

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """Notify the owner and return the reference (webhook-id or Message-ID); errors as for `Mailer.send`.

        `key` is the stable idempotency key of this notification.
        """
        ...
