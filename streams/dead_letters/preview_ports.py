"""The ports of a preview: they read the store and neither write nor call outside."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from actions.ports import Contacts, Receipt, Roster, StoredContact
from streams.dead_letters.prediction import FieldChange, OutsideCall
from streams.engine.effects import claim_of, cut_off
from streams.engine.execution import Execution
from streams.store import effects
from streams.store.effects import Verdict
from streams.store.roster import turns_taken
from streams.store.schema import CALLED, INTENT
from streams.store.suppressions import Question, Refusal, refusals
from topics.events import Candidate, Owner


class UnpredictableError(Exception):
    """The action asks the outside something that only a real run can answer."""


class PreviewContacts:
    """The port Contacts: notes changes and stages them in the real adapter, which never writes them."""

    def __init__(self, contacts: Contacts) -> None:
        """Wrap an adapter that stages its changes."""
        self._contacts = contacts
        self.changes: list[FieldChange] = []

    async def get(self, contact_key: str) -> StoredContact | None:
        """See `actions.ports.Contacts.get`."""
        return await self._contacts.get(contact_key)

    async def sharing_phone(self, phone: str, *, besides: str) -> Sequence[Candidate]:
        """See `actions.ports.Contacts.sharing_phone`."""
        return await self._contacts.sharing_phone(phone, besides=besides)

    async def save(self, contact: StoredContact) -> None:
        """See `actions.ports.Contacts.save`."""
        known = await self._contacts.get(contact.contact_key)
        await self._contacts.save(contact)
        before = {} if known is None else {name: known.fields[name].value for name in known.fields}
        for name in sorted(contact.fields):
            value = contact.fields[name].value
            if before.get(name) != value:
                self.changes.append(FieldChange(name, before.get(name), value))


class PreviewRoster:
    """The port Roster: takes turns in the preview only."""

    def __init__(self, connection: Connection, roster: Roster) -> None:
        """Wrap the real roster."""
        self._connection = connection
        self._roster = roster
        self._next: int | None = None
        self._staged = 0

    @property
    def owners(self) -> Sequence[Owner]:
        """See `actions.ports.Roster.owners`."""
        return self._roster.owners

    async def next_turn(self) -> int:
        """See `actions.ports.Roster.next_turn`."""
        if self._next is None:
            self._next = turns_taken(self._connection)
        self._staged += 1
        return self._next + self._staged - 1

    def keep(self) -> None:
        """Keep the turns of an action that succeeded."""
        self._next = None if self._next is None else self._next + self._staged
        self._staged = 0

    def drop(self) -> None:
        """Release the turns of an action that failed."""
        self._staged = 0

    def flush(self, now_us: int) -> None:
        """Write nothing."""


class PreviewEffects:
    """The port Effects for one execution at a time: notes new calls and holds those that went out already."""

    def __init__(self, connection: Connection, key_of_phone: Callable[[str], str]) -> None:
        """Read through this connection; `key_of_phone` returns the contact key of a phone."""
        self._connection = connection
        self._key_of_phone = key_of_phone
        self._kept: dict[str, Sequence[Any]] = {}
        self._staged: dict[str, Sequence[Any]] = {}
        self._execution: Execution
        self._may_repeat = False
        self._now_us = 0
        self.calls: list[OutsideCall] = []
        self.is_calling = False
        self.port = ""

    def begin(self, execution: Execution, now_us: int, *, may_repeat: bool) -> None:
        """Begin an execution."""
        self._execution, self._now_us, self._may_repeat = execution, now_us, may_repeat
        self.calls = []
        self._staged = {}

    def end(self, *, is_kept: bool) -> None:
        """End the execution; its calls count for later ones unless it failed."""
        if is_kept:
            self._kept |= self._staged

    @property
    def key(self) -> str:
        """See `actions.ports.Effects.key`."""
        return self._execution.effect_key

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        """See `actions.ports.Effects.once`."""
        key = self.key
        row = self._staged.get(key) or self._kept.get(key)
        row = row or effects.standing(self._connection, [key]).get(key)
        if row is not None:
            answer = effects.judge(claim_of(self._execution, may_repeat=self._may_repeat), *row)
            if answer.verdict is Verdict.CALLED:
                self.calls.append(OutsideCall("", key, "held", "it went out already"))
                return Receipt(answer.reference, is_mine=answer.is_mine)
            if answer.verdict is Verdict.PENDING:
                self.calls.append(
                    OutsideCall("", key, "held", "another event began it and its outcome is unknown")
                )
                return Receipt("", is_mine=False, is_pending=True)
            if answer.verdict is Verdict.UNCERTAIN:
                raise cut_off(self._execution)
        refusal = self._refusal()
        if refusal is not None:
            self.calls.append(OutsideCall("", key, "held", _WHY_REFUSED[refusal]))
            return Receipt("", is_mine=False, refused=refusal)
        self.port, self.is_calling = "", True
        try:
            reference = await call()
        finally:
            self.is_calling = False
        if row is not None and row[1] == INTENT:
            reason = "it was cut off before its outcome was known, so it may arrive twice"
            self.calls.append(OutsideCall(self.port, key, "goes-out-again", reason))
        else:
            self.calls.append(OutsideCall(self.port, key, "goes-out"))
        self._staged[key] = (self._execution.ledger_id, CALLED, reference, self._now_us)
        return Receipt(reference, is_mine=True)

    def _refusal(self) -> Refusal | None:
        claim = claim_of(self._execution, may_repeat=self._may_repeat)
        # The event shows what a letter before this one would have changed; the store does not have that.
        contact = getattr(self._execution.event, "contact", None)
        consent = None if contact is None or claim.requires == "nothing" else contact.consent
        if consent is not None and consent.marketing is False:
            return "no-consent"
        question = Question(claim.contact_key, claim.requires)
        return refusals(self._connection, [question], self._key_of_phone).get(claim.contact_key)


_WHY_REFUSED = {"no-consent": "the contact did not consent", "suppressed": "the contact is suppressed"}


class PreviewPort:
    """A shared port whose async methods, which would wait for the outside, are noted and not called."""

    def __init__(self, name: str, port: object, effects_port: PreviewEffects) -> None:
        """Wrap the real port; `name` is the name of its Protocol."""
        self._wrapped = (name, port, effects_port)

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - whatever the port has
        name, port, effects_port = self._wrapped
        value = getattr(port, attribute)
        if not inspect.iscoroutinefunction(value):
            return value

        async def note(*_: object, **named: Any) -> Any:  # noqa: ANN401 - as above
            if not effects_port.is_calling:
                raise UnpredictableError(
                    f"the action awaits {name}.{attribute}, which only a real run can answer"
                )
            effects_port.port = name
            return named.get("key", "")

        return note
