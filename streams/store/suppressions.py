"""The port Suppressions on SQL, and whether a contact may be written to now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy.engine import Connection

from actions.action import Requires
from actions.merge import CONSENT
from streams.store import aliases
from streams.store.bulk import select_in
from streams.store.schema import contacts, suppressions
from topics.events import Suppressing

Refusal = Literal["no-consent", "suppressed"]
LIFTED = "lifted"
UNSUBSCRIBED = "unsubscribed"

_COLUMNS = (suppressions.c.contact_key, suppressions.c.reason, suppressions.c.time)
_CONTACT_COLUMNS = (contacts.c.contact_key, contacts.c.fields, contacts.c.phone)


class SqlSuppressions:
    """The port Suppressions over one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the transaction."""
        self._connection = connection
        self._kept: dict[tuple[str, str], str] = {}
        self._staged: dict[tuple[str, str], str] = {}

    async def put(self, contact_key: str, reason: Suppressing, time: str) -> None:
        """See `actions.ports.Suppressions.put`."""
        self._staged[contact_key, reason] = max(time, self._staged.get((contact_key, reason), ""))

    def keep(self) -> None:
        """Accept what the action staged: it succeeded."""
        for key, time in self._staged.items():
            self._kept[key] = max(time, self._kept.get(key, ""))
        self._staged.clear()

    def drop(self) -> None:
        """Discard what the action staged: it failed."""
        self._staged.clear()

    def flush(self, now_us: int) -> None:  # noqa: ARG002 - the same shape for every transactional adapter
        """Write the accepted moments."""
        write(self._connection, self._kept)


def write(connection: Connection, moments: Mapping[tuple[str, str], str]) -> None:
    """Write moments by contact key and reason; a later one that is stored stays."""
    for (key, reason), time in sorted(
        moments.items()
    ):  # in one order, so that two workers lock rows in the same order
        connection.execute(
            _upsert(connection.dialect.name), {"contact_key": key, "reason": reason, "time": time}
        )


def _upsert(dialect: str) -> Any:  # noqa: ANN401 - each dialect has its own type
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415 - one of them is used

    insert = (postgresql if dialect == "postgresql" else sqlite).insert(suppressions)
    return insert.on_conflict_do_update(
        index_elements=["contact_key", "reason"],
        set_={"time": insert.excluded.time},
        where=suppressions.c.time < insert.excluded.time,
    )


class Question(NamedTuple):
    """May this contact be written to?"""

    contact_key: str
    requires: Requires


def refusals(
    connection: Connection, questions: Iterable[Question], key_of_phone: Callable[[str], str]
) -> dict[str, Refusal]:
    """Return, by contact key, why a contact must not be written to; those that may be are absent.

    A suppression counts for the contact when it names its e-mail or its phone. `key_of_phone` returns the key of a
    phone.
    """
    wanted = {
        question.contact_key: question.requires for question in questions if question.requires != "nothing"
    }
    if not wanted:
        return {}
    consents: dict[str, tuple[bool | None, str]] = {}
    keys: dict[str, set[str]] = {key: {key} for key in wanted}
    for key, fields, phone in select_in(connection, _CONTACT_COLUMNS, contacts.c.contact_key, wanted):
        consents[key] = _consent_in(fields)
        if phone is not None:
            keys[key].add(key_of_phone(phone))
    for alias, key in aliases.of_contacts(connection, wanted):
        keys[key].add(alias)
    moments: dict[str, dict[str, str]] = {}
    every = {each for some in keys.values() for each in some}
    for key, reason, time in select_in(connection, _COLUMNS, suppressions.c.contact_key, every):
        moments.setdefault(key, {})[reason] = time
    answers = (
        (key, _refusal(requires, consents.get(key, _NO_ANSWER), _union(moments, keys[key])))
        for key, requires in wanted.items()
    )
    return {key: answer for key, answer in answers if answer is not None}


_NO_ANSWER: tuple[bool | None, str] = (None, "")


def standing(moments: Mapping[str, str], yes_since: str | None) -> str | None:
    """Return the reason that suppresses a person, from the latest moment of each; None when none does.

    `lifted` ends those before it, and a later yes ends `unsubscribed`.
    """
    lifted = moments.get(LIFTED, "")
    for reason, time in sorted(moments.items()):
        if reason == LIFTED or time < lifted:  # at the same moment no wins
            continue
        if reason == UNSUBSCRIBED and yes_since is not None and yes_since > time:
            continue
        return reason
    return None


def _refusal(
    requires: Requires, consent: tuple[bool | None, str], moments: Mapping[str, str]
) -> Refusal | None:
    answer, since = consent
    if standing(moments, since if answer else None) is not None:
        return "suppressed"
    if answer is False or (requires == "consent" and not answer):
        return "no-consent"
    return None


def _union(moments: Mapping[str, Mapping[str, str]], keys: Iterable[str]) -> dict[str, str]:
    union: dict[str, str] = {}
    for key in keys:
        for reason, time in moments.get(key, {}).items():
            union[reason] = max(time, union.get(reason, ""))
    return union


def _consent_in(fields: bytes) -> tuple[bool | None, str]:
    if b'"consent"' not in fields:
        return _NO_ANSWER
    field = orjson.loads(fields).get(CONSENT)
    if field is None:
        return _NO_ANSWER
    value, _, time, _ = field
    return value.get("marketing"), time


def of_keys(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the latest moment of each reason over these keys."""
    found: dict[str, str] = {}
    for _, reason, time in select_in(connection, _COLUMNS, suppressions.c.contact_key, keys):
        found[reason] = max(time, found.get(reason, ""))
    return found
