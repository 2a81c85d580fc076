"""Reads a whole lead: every field normalised, notes of what was done, and the reasons why it is not a good one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from actions.normalise.answers import FUTURE, read_consent
from actions.normalise.attributes import Attributes
from actions.normalise.consent import consent_meaning
from actions.normalise.country import normalise_country
from actions.normalise.email_address import normalise_email
from actions.normalise.language import normalise_language
from actions.normalise.names import SUSPECTS, is_no_first_name, is_no_last_name, is_nothing, is_placeholder
from actions.normalise.phone_number import is_international, normalise_phone
from actions.normalise.refused import Refused, Remarks
from actions.normalise.text import block, line, website
from actions.unvalidated import made
from topics.envelope import Envelope
from topics.events import Lead, LeadReceived, Note, Reason
from topics.failures import DecodeError

Normalise = Callable[[str, Remarks], str | None]
"""Return the one spelling, or None when blank; add remarks; raise `Refused`."""

IsMissing = Callable[[str], bool]
_FIELDS: tuple[tuple[str, Normalise, IsMissing | None], ...] = (
    ("email", normalise_email, None),
    ("first_name", line, is_no_first_name),
    ("last_name", line, None),
    ("name", line, None),
    ("company", line, is_nothing),
    ("website", website, is_nothing),
    ("job_title", line, is_nothing),
    ("country", normalise_country, None),
    ("city", line, is_nothing),
    ("language", normalise_language, None),
    ("source", line, is_nothing),
    ("message", block, None),
)
"""Field, how it is read, and which values of it stand for a missing one."""
_MISSING: dict[str, IsMissing] = {
    "email": is_nothing, "phone": is_nothing, "country": is_placeholder, "language": is_placeholder,
}  # fmt: skip
"""The same for texts that cannot be read as what the field claims to be."""
_TEXTS_ELSEWHERE = frozenset({*Lead.model_fields, "lead_id"})
_ABSENT: dict[str, Any] = dict.fromkeys(Lead.model_fields)
_IDENTITY = ("email", "phone")


class ReadLead(NamedTuple):
    """A lead as it was read."""

    lead: Lead
    reasons: list[Reason]
    """Why it is no good lead: it has no usable e-mail and no usable phone. Empty for a good one."""
    notes: list[Note]
    """What was changed, dropped, or kept under `attributes` as it came."""


def read_lead(
    received: LeadReceived, default_region: str, *, recorded: str | None = None, latest: str | None = None
) -> ReadLead:
    """Return the lead with every value normalised, what was done to them, and the reasons against it.

    Blank text is absent. A national phone number is read in the lead's country, else in `default_region` (alpha-2). A
    value that cannot be read as what it claims to be is kept under `attributes`, unless it would be the lead's only
    identity. `recorded` dates an answer about consent that has no time of its own; an answer later than `latest` is
    dated so (both RFC 3339 UTC with microseconds). Raise `DecodeError` (WRONG_TYPE) when the only identity is an
    `email` that is no text: that is the publisher's defect and no result.
    """
    found = _Reader(received, default_region).read(recorded, latest)
    if found.reasons and received.extras.get("email") is not None:
        raise DecodeError("WRONG_TYPE", "email: Input should be a valid string", failure_class="invalid")
    return found


def read_event(received: LeadReceived, envelope: Envelope, default_region: str) -> ReadLead:
    """Return what `read_lead` makes of an event, with notes about its envelope. Raise `DecodeError` as it does."""
    found = read_lead(received, default_region, recorded=envelope.recorded_time, latest=envelope.latest_time)
    if envelope.ignored or envelope.is_time_replaced:
        found.notes.extend(_about_the_envelope(envelope))
    return found


def _about_the_envelope(envelope: Envelope) -> list[Note]:
    notes = [
        Note(field=f"ce_{name}", code="ATTRIBUTE_IGNORED", said="Only our own results carry this attribute.")
        for name in envelope.ignored
    ]
    if envelope.is_time_replaced:
        notes.append(Note(field="ce_time", code="TIME_IN_FUTURE", said=FUTURE))
    return notes


class _Reader:
    """Reads one lead."""

    __slots__ = ("_default_region", "_extras", "_given", "_known", "_notes", "_unread")

    def __init__(self, received: LeadReceived, default_region: str) -> None:
        self._given = received.__dict__
        self._extras = received.extras
        self._default_region = default_region
        self._known = _ABSENT.copy()
        self._notes: list[Note] = []
        self._unread: list[tuple[str, object, str, str]] = []
        """Field, value, code and message of values that cannot be read."""

    def read(self, recorded: str | None, latest: str | None) -> ReadLead:
        given, known = self._given, self._known
        remarks: Remarks = []
        for field, normalise, is_missing in _FIELDS:
            text = given[field]
            if text is None:
                continue
            try:
                value = normalise(text, remarks)
            except Refused as refused:
                self._refuse(field, text, refused)
                remarks.clear()
                continue
            if is_missing is not None and value is not None and _is_suspect(value):
                value = self._unless_missing(field, value, is_missing)
            known[field] = value
            if remarks:
                self._note(field, remarks, value)
        if known["name"] is not None or known["last_name"] is not None:
            self._drop_missing_names()
        if given["phone"] is not None:
            self._read_phone(given["phone"], remarks)
        if known["name"] is None:
            known["name"] = _full_name(known["first_name"], known["last_name"])
        reasons = [] if known["email"] or known["phone"] else self._reasons()
        self._read_others(recorded, latest, is_good=not reasons)
        return ReadLead(made(Lead, known), reasons, self._notes)

    def _refuse(self, field: str, text: str, refused: Refused) -> None:
        if (is_missing := _MISSING.get(field)) is not None and is_missing(text.strip()):
            self._note_placeholder(field)
        else:
            self._unread.append((field, text, refused.code, refused.message))

    def _unless_missing(self, field: str, value: str, is_missing: IsMissing) -> str | None:
        if not is_missing(value):
            return value
        self._note_placeholder(field)
        return None

    def _note(self, field: str, remarks: Remarks, value: str | None) -> None:
        """Turn the remarks into notes, unless the field is absent after all."""
        if value is not None:
            self._notes += [Note(field=field, code=remark.code, said=remark.said) for remark in remarks]
        remarks.clear()

    def _note_placeholder(self, field: str) -> None:
        said = "The value stands for a missing one; the field is absent."
        self._notes.append(Note(field=field, code="PLACEHOLDER", said=said))

    def _drop_missing_names(self) -> None:
        known = self._known
        for field, first in (("last_name", known["first_name"]), ("name", None)):
            text = known[field]
            if text is not None and _is_suspect(text) and is_no_last_name(text, first):
                known[field] = None
                self._note_placeholder(field)

    def _read_phone(self, text: str, remarks: Remarks) -> None:
        country = self._known["country"]
        is_unknown = country is None and any(field == "country" for field, *_ in self._unread)
        region = None if is_unknown else country or self._default_region
        try:
            value = normalise_phone(text, region, remarks, is_region_given=country is not None)
        except Refused as refused:
            self._refuse("phone", text, refused)
            remarks.clear()
            return
        self._known["phone"] = value
        if remarks:
            self._note("phone", remarks, value)

    def _read_others(self, recorded: str | None, latest: str | None, *, is_good: bool) -> None:
        """Read consent and attributes; keep what could not be read among these, unless the lead is rejected."""
        consent = self._given["consent"]
        raw = self._extras.get("consent") if consent is None else consent.__dict__
        if not self._extras and not self._given["attributes"] and not self._unread and raw is None:
            self._known["attributes"] = {}
            return
        attributes = Attributes(self._notes)
        about_consent: dict[str, object] = {}
        if self._extras or self._given["attributes"]:
            self._sort(attributes, about_consent)
        if raw is not None or about_consent:
            self._known["consent"], unread = read_consent(
                raw, about_consent, self._notes, recorded=recorded, latest=latest
            )
            self._unread += unread
        if is_good and self._unread:
            for each in self._unread:
                attributes.keep_unread(*each)
        attributes.end()
        self._known["attributes"] = attributes.kept

    def _sort(self, attributes: Attributes, about_consent: dict[str, object]) -> None:
        """Sort further fields into attributes and answers about consent."""
        for name, value in self._extras.items():
            if name in _TEXTS_ELSEWHERE:
                if name == "consent" or (name == "attributes" and value is None):
                    continue
                said = f"The value is no {'object' if name == 'attributes' else 'text'}."
                self._unread.append((name, value, "WRONG_TYPE", said))
            elif consent_meaning(name) is not None:
                about_consent[name] = value
            else:
                attributes.add(name, value, name)
        for name, value in (self._given["attributes"] or {}).items():
            if consent_meaning(name) is not None:
                about_consent[name] = value
            else:
                attributes.add(name, value, f"attributes.{name}")

    def _reasons(self) -> list[Reason]:
        """Return the reasons why the lead has no usable identity."""
        unread = {field: (code, message) for field, _, code, message in self._unread}
        reasons = []
        for identity in _IDENTITY:
            if identity in unread:
                # A national number means nothing without its country: that is the reason.
                is_of_country = identity == "phone" and "country" in unread and self._is_national()
                field = "country" if is_of_country else identity
                code, message = unread[field]
                reasons.append(Reason(field=field, code=code, message=message))
        return reasons or [_CONTACT_MISSING]

    def _is_national(self) -> bool:
        text = self._given["phone"]
        return text is not None and not is_international(text.strip())


_CONTACT_MISSING = Reason(
    field="email",
    code="CONTACT_MISSING",
    message="The lead has neither e-mail nor phone; give at least one of them.",
)


def _is_suspect(value: str) -> bool:
    """Whether a value may stand for a missing one: a look that costs little, because hardly any does."""
    return not value[0].isalnum() or value.lower() in SUSPECTS


def _full_name(first: str | None, last: str | None) -> str | None:
    return f"{first} {last}" if first and last else first or last
