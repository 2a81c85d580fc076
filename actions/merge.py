"""Merges two versions of a contact, field by field, so that order and repetition do not matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from actions.ports import FieldValue
from topics.events import Consent, Contact, Lead, Origin

Fields = Mapping[str, FieldValue]
"""By name: the fields of `Contact`, but `name` as one object of its three parts, and one per attribute."""

_NAME_PARTS = ("name", "first_name", "last_name")
_PLAIN = ("email", "phone", "company", "website", "job_title", "country", "city", "language")
_ATTRIBUTE = "attributes."
CONSENT = "consent"
_ORDER_OF_KEYS = orjson.OPT_SORT_KEYS


def fields_of(lead: Lead, origin: Origin) -> dict[str, FieldValue]:
    """Return the fields that a lead states about its contact; fields it leaves out overwrite nothing.

    The three parts of a name are one field: a new full name never stands beside an old first name. A consent with a
    time of its own is ordered by that one: a form that was filled in later may be about an older answer.
    """
    stated: dict[str, Any] = {name: getattr(lead, name) for name in _PLAIN}
    stated["name"] = {
        part: value for part in _NAME_PARTS if (value := getattr(lead, part)) is not None
    } or None
    stated["consent"] = _consent_object(lead.consent)
    stated |= {_ATTRIBUTE + name: value for name, value in lead.attributes.items()}
    fields = {
        name: FieldValue(value=value, source=origin.source, time=origin.time, event_id=origin.event_id)
        for name, value in stated.items()
        if value is not None
    }
    if lead.consent is not None and lead.consent.time is not None and CONSENT in fields:
        fields[CONSENT] = fields[CONSENT]._replace(time=lead.consent.time)
    return fields


def merge(a: Fields, b: Fields) -> dict[str, FieldValue]:
    """Keep of each field the later version: commutative, associative and idempotent.

    "Later" is a total order by time of the event, its id, its source, and last the value's JSON with sorted
    keys, so that two versions tie only when they are the same. Of consents the latest answer is kept; on equal time no
    wins, and one without an answer replaces none.
    """
    merged = dict(a)
    for name, theirs in b.items():
        ours = merged.get(name)
        if ours is None or (_is_later_answer if name == CONSENT else _is_later)(theirs, ours):
            merged[name] = theirs
    return merged


def contact_of(fields: Fields) -> Contact:
    """Return the contact as others see it: values without where they came from."""
    seen: dict[str, Any] = {name: fields[name].value for name in _PLAIN if name in fields}
    if "name" in fields:
        seen |= _object(fields["name"])
    if "consent" in fields:
        seen["consent"] = Consent(**_object(fields["consent"]))
    seen["attributes"] = {
        name.removeprefix(_ATTRIBUTE): fields[name].value
        for name in sorted(fields)
        if name.startswith(_ATTRIBUTE)
    }
    return Contact(**seen)


def changed_fields(before: Contact, after: Contact) -> list[str]:
    """Names of the fields that differ, sorted; attributes as `attributes.<name>`."""
    names = [
        name
        for name in Contact.model_fields
        if name != "attributes" and not _is_same(getattr(before, name), getattr(after, name))
    ]
    names += [
        _ATTRIBUTE + name
        for name in before.attributes.keys() | after.attributes.keys()
        if not _is_same(before.attributes.get(name), after.attributes.get(name))
    ]
    return sorted(names)


def _is_later(a: FieldValue, b: FieldValue) -> bool:
    ours, theirs = (a.time, a.event_id, a.source), (b.time, b.event_id, b.source)
    if ours != theirs:
        return ours > theirs
    return _json(a.value) > _json(b.value)


def _is_later_answer(a: FieldValue, b: FieldValue) -> bool:
    return _answer_rank(a) > _answer_rank(b)


def _answer_rank(field: FieldValue) -> tuple[bool, str, bool, str, str, bytes]:
    answer = _object(field).get("marketing")
    return (
        answer is not None, field.time, answer is False, field.event_id, field.source, _json(field.value),
    )  # fmt: skip


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=_ORDER_OF_KEYS)


def _is_same(a: object, b: object) -> bool:
    return a == b and type(a) is type(b)  # to Python, 1 and True and 1.0 are equal; in JSON they are not


def _object(field: FieldValue) -> dict[str, Any]:
    value = field.value
    if not isinstance(value, dict):
        raise TypeError(f"a name or consent is kept as an object and not as {type(value).__name__}")
    return value


def _consent_object(consent: Consent | None) -> dict[str, Any] | None:
    # Kept as plain JSON, as every store gives it back.
    return {name: value for name, value in consent.__dict__.items() if value is not None} if consent else None
