"""Predictions of a preview: what replaying one dead letter would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

PredictedVerdict = Literal[
    "would-resolve",
    "noop",
    "would-fail-again",
    "would-fail",
    "unreadable",
    "tampered",
    "unknown-action",
    "gone",
    "cannot-say",
]
VERDICTS: tuple[PredictedVerdict, ...] = get_args(PredictedVerdict)
"""`would-fail` is for downstream steps: their failure would be a new letter."""
FAILING: frozenset[str] = frozenset({"would-fail-again", "unreadable", "tampered", "unknown-action", "gone"})
"""Verdicts after which the letter would be open again, one generation later."""

CallState = Literal["goes-out", "goes-out-again", "held"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Change of a contact field; its values are personal data."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A call outside: an e-mail, a notification."""

    port: str
    """The port that makes it: `Mailer`, `Notifier`; empty when it is held."""
    key: str
    """Idempotency key of the effect."""
    state: CallState
    reason: str | None = None
    """Why it is held, or goes out again."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a replay of one letter would do."""

    id: str
    lead_id: str | None
    action: str
    action_version: int
    verdict: PredictedVerdict
    result_id: str | None = None
    """Id of the event that the action would publish or has published; the ledger's key of the execution."""
    event: str | None = None
    """Type of that event."""
    outcome: str | None = None
    """Its `outcome`, where it has one."""
    failure_class: str | None = None
    code: str | None = None
    message: str | None = None
    contact_key: str | None = None
    """Key of the contact, if it would be known by then."""
    changes: Sequence[FieldChange] = ()
    owner: str | None = None
    """Id of the owner that the contact would have."""
    is_new_owner: bool = False
    calls: Sequence[OutsideCall] = ()
    needs: Sequence[str] = ()
    """Servers that must answer for it to come true; a preview does not ask them."""
    following: Sequence[Prediction] = ()
    """Predictions of the downstream steps, in the order in which workers would run them."""
    late: str | None = None
    """Downstream action that would call outside later than its `max_age` after the first failure."""

    @property
    def all_calls(self) -> list[OutsideCall]:
        """Calls of the replay and of its downstream steps."""
        return [*self.calls, *(call for each in self.following for call in each.calls)]

    @property
    def essence(self) -> dict[str, Any]:
        """Facts that a plan freezes and compares with the replay; no personal data and no wording.

        A new owner's id is left out, because it depends on who else takes turns; that there is a new owner is kept.
        """
        facts = {
            "verdict": self.verdict,
            "event": self.event,
            "outcome": self.outcome,
            "code": self.code,
            "changes": [change.field for change in self.changes] or None,
            "owner": None if self.is_new_owner else self.owner,
            "is_new_owner": self.is_new_owner or None,
            "calls": [{"key": call.key, "state": call.state} for call in self.calls] or None,
            "then": [{"action": each.action, **each.essence} for each in self.following] or None,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def as_data(self, *, is_revealed: bool = False) -> dict[str, Any]:
        """Return the prediction as plain data; values of contact fields only when revealed."""
        changes: list[Any] = [change.field for change in self.changes]
        if is_revealed:
            changes = [
                {"field": each.field, "before": each.before, "after": each.after} for each in self.changes
            ]
        calls = [
            {name: value for name, value in _call(call).items() if value is not None} for call in self.calls
        ]
        facts = {
            "verdict": self.verdict,
            "result_id": self.result_id,
            "event": self.event,
            "outcome": self.outcome,
            "class": self.failure_class,
            "code": self.code,
            "message": self.message,
            "changes": changes or None,
            "owner": self.owner,
            "is_new_owner": self.is_new_owner or None,
            "calls": calls or None,
            "needs": list(self.needs) or None,
            "then": [
                {"action": each.action, **each.as_data(is_revealed=is_revealed)} for each in self.following
            ]
            or None,
        }
        return {name: value for name, value in facts.items() if value is not None}


def _call(call: OutsideCall) -> dict[str, str | None]:
    return {"port": call.port or None, "key": call.key, "state": call.state, "reason": call.reason}
