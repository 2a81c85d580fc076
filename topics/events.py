"""The facts there are: one frozen class per topic, and the values they carry."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from topics.writing import as_json

Timestamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
"""RFC 3339 UTC with microseconds: fixed width, so that text order is time order."""

Scalar = str | int | float | bool | None


class Value(BaseModel):
    """A part of an event: frozen, never coerced, and closed to writers; readers ignore unknown fields (`decode`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(Value):
    """A fact, named in the past tense, on the one topic that carries its type."""

    type: ClassVar[str]
    """The `ce_type`, fixed whatever the topic prefix is."""
    topic: ClassVar[str]
    """The topic's name without the prefix."""
    key_field: ClassVar[str] = "contact_key"
    """The field that becomes the record's key."""
    is_public: ClassVar[bool] = False
    """Whether other services publish it; all others only our workers publish."""

    lead_id: str

    @property
    def key(self) -> str:
        """The record's key."""
        return str(getattr(self, self.key_field))


class Consent(Value):
    """The person's consent, its time, and the words that were shown."""

    marketing: bool | None = None
    time: str | None = None
    text: str | None = None


class LeadReceived(Event):
    """A lead as another system published it; only this event accepts extra fields."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    type: ClassVar[str] = "crm.lead.received.v1"
    topic: ClassVar[str] = "leads.received.v1"
    key_field: ClassVar[str] = "lead_id"
    is_public: ClassVar[bool] = True

    lead_id: str | None = None  # type: ignore[assignment]  # absent: the event's id serves
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    website: str | None = None
    job_title: str | None = None
    country: str | None = None
    city: str | None = None
    language: str | None = None
    source: str | None = None
    message: str | None = None
    consent: Consent | None = None
    attributes: dict[str, Any] | None = None

    @property
    def extras(self) -> dict[str, Any]:
        """Fields that the contract does not name, and those whose value has not the type it names, as received."""
        extra = self.__pydantic_extra__
        return {} if extra is None else extra


class Lead(Value):
    """A lead after validation: every value normalised, absent ones left out."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    website: str | None = None
    job_title: str | None = None
    country: str | None = None
    city: str | None = None
    language: str | None = None
    source: str | None = None
    message: str | None = None
    consent: Consent | None = None
    attributes: dict[str, Scalar] = Field(default_factory=dict)


class Origin(Value):
    """The published event of a lead; merges are ordered by it."""

    event_id: str
    source: str
    time: Timestamp


class Note(Value):
    """What was done to one field of a lead that goes on: changed, dropped, or kept under `attributes` as it came."""

    field: str
    code: str
    said: str
    """A sentence for a person; never carries the value itself."""


class LeadValidated(Event):
    """The lead is valid; `contact_key` identifies its contact."""

    type: ClassVar[str] = "crm.lead.validated.v1"
    topic: ClassVar[str] = "leads.validated.v1"

    contact_key: str
    origin: Origin
    lead: Lead
    notes: list[Note] = Field(default_factory=list)


class Reason(Value):
    """Why one field makes a lead no good; never carries the value itself."""

    field: str
    code: str
    message: str


class LeadRejected(Event):
    """The lead reads well but is not a good lead; carries all reasons."""

    type: ClassVar[str] = "crm.lead.rejected.v1"
    topic: ClassVar[str] = "leads.rejected.v1"
    key_field: ClassVar[str] = "lead_id"

    origin: Origin
    reasons: list[Reason]


class Candidate(Value):
    """Another contact that may be the same person; joining the two is a merge, never silent."""

    contact_id: str
    rule: str
    score: float


class LeadMatched(Event):
    """Whether the contact is known, and which contacts are similar."""

    type: ClassVar[str] = "crm.lead.matched.v1"
    topic: ClassVar[str] = "leads.matched.v1"

    contact_key: str
    verdict: Literal["new", "same", "ask"]
    rule: str
    score: float
    candidates: list[Candidate] = Field(default_factory=list)
    origin: Origin
    lead: Lead


class Contact(Value):
    """A contact as it now is: per field the value that won the merge."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    website: str | None = None
    job_title: str | None = None
    country: str | None = None
    city: str | None = None
    language: str | None = None
    consent: Consent | None = None
    attributes: dict[str, Scalar] = Field(default_factory=dict)


class ContactUpserted(Event):
    """The contact as it now is; consumers keep the highest revision."""

    type: ClassVar[str] = "crm.contact.upserted.v1"
    topic: ClassVar[str] = "contacts.upserted.v1"

    contact_key: str
    contact_id: str
    outcome: Literal["created", "updated", "unchanged"]
    changed: list[str]
    revision: int
    contact: Contact
    source: str | None = None
    message: str | None = None


class Owner(Value):
    """The owner of a contact."""

    id: str
    name: str
    email: str


class LeadAssigned(Event):
    """The contact has an owner, and this is why this one."""

    type: ClassVar[str] = "crm.lead.assigned.v1"
    topic: ClassVar[str] = "leads.assigned.v1"

    contact_key: str
    contact_id: str
    owner: Owner
    strategy: Literal["existing", "round-robin"]
    candidates: list[str]
    reason: str
    turn: int | None = None
    """The number in the round that gave the owner; None when the contact kept its owner."""
    contact: Contact
    source: str | None = None
    message: str | None = None


class LeadWelcomed(Event):
    """The contact was welcomed by this lead, or why not."""

    type: ClassVar[str] = "crm.lead.welcomed.v1"
    topic: ClassVar[str] = "leads.welcomed.v1"

    contact_key: str
    contact_id: str
    outcome: Literal["sent", "skipped"]
    reason: str | None = None
    message_id: str | None = None


class OwnerNotified(Event):
    """The owner was notified of this lead, or why not."""

    type: ClassVar[str] = "crm.owner.notified.v1"
    topic: ClassVar[str] = "owners.notified.v1"

    contact_key: str
    contact_id: str
    owner_id: str
    outcome: Literal["sent", "skipped"]
    channel: Literal["webhook", "email", "none"]
    reason: str | None = None
    reference: str | None = None


Suppressing = Literal["unsubscribed", "bounced", "complained", "operator", "lifted"]
"""Why nobody writes to a person any more; `lifted` ends all of them."""


class ContactSuppressed(Event):
    """A person must not be written to any more, or may be again (`lifted`), as another service or an operator says."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    type: ClassVar[str] = "crm.contact.suppressed.v1"
    topic: ClassVar[str] = "contacts.suppressed.v1"
    key_field: ClassVar[str] = "lead_id"
    is_public: ClassVar[bool] = True

    lead_id: str | None = None  # type: ignore[assignment]  # it is about a person and not about a lead
    email: str | None = None
    phone: str | None = None
    reason: Suppressing
    time: str | None = None


class SuppressionRecorded(Event):
    """The store knows the suppression: no mail begins to this person while it stands."""

    type: ClassVar[str] = "crm.suppression.recorded.v1"
    topic: ClassVar[str] = "suppressions.recorded.v1"

    contact_key: str
    reason: Suppressing
    time: Timestamp


EVENTS: tuple[type[Event], ...] = (
    LeadReceived,
    LeadValidated,
    LeadRejected,
    LeadMatched,
    ContactUpserted,
    LeadAssigned,
    LeadWelcomed,
    OwnerNotified,
    ContactSuppressed,
    SuppressionRecorded,
)
"""Every event there is; topics, schemas and wiring are derived from it."""


def _present(model: object) -> dict[str, Any]:
    """Return the fields of a nested value that are there, for orjson: absent means the same as null, and is shorter."""
    if isinstance(model, BaseModel):
        return {name: value for name, value in model.__dict__.items() if value is not None}
    raise TypeError


def encode(event: Value) -> bytes:
    """JSON bytes of an event or a value; absent fields are left out."""
    return as_json(event, default=_present)
