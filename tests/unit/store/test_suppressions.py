"""Whether a contact may be written to, read in the transaction that claims the mail."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import aliases, effects
from streams.store.effects import Claim, Claimed, Verdict
from streams.store.engine import Database
from streams.store.schema import contacts
from streams.store.schema import effects as effects_table
from streams.store.suppressions import Question, refusals, standing, write

KEY, OTHER = "key of ada@example.com", "key of +491701234567"
T1, T2, T3 = (f"2026-11-2{day}T08:00:00.000000Z" for day in (1, 2, 3))


def key_of_phone(phone: str) -> str:
    return f"key of {phone}"


def contact(
    connection: Connection, *, consent: object = None, time: str = T2, phone: str | None = None
) -> None:
    fields: dict[str, Any] = {"email": ["ada@example.com", "/web", T1, "e-1"]}
    if consent is not None:
        fields["consent"] = [{"marketing": consent}, "/web", time, "e-1"]
    connection.execute(
        sa.insert(contacts).values(
            contact_key=KEY,
            contact_id="c-1",
            email="ada@example.com",
            phone=phone,
            fields=orjson.dumps(fields),
            revision=1,
            row_version=1,
            created_at=0,
            updated_at=0,
        )
    )


def refusal(connection: Connection, requires: Any = "no-objection") -> str | None:  # noqa: ANN401 - a literal
    return refusals(connection, [Question(KEY, requires)], key_of_phone).get(KEY)


@pytest.mark.parametrize(
    ("consent", "no_objection", "explicit"),
    [(None, None, "no-consent"), (True, None, None), (False, "no-consent", "no-consent")],
)
def test_a_no_refuses_always_and_silence_only_where_a_yes_is_required(
    database: Database, *, consent: bool | None, no_objection: str | None, explicit: str | None
) -> None:
    def ask(connection: Connection) -> tuple[str | None, ...]:
        contact(connection, consent=consent)
        return tuple(refusal(connection, requires) for requires in ("nothing", "no-objection", "consent"))

    assert database.transact(ask) == (None, no_objection, explicit)


@pytest.mark.parametrize("reason", ["unsubscribed", "bounced", "complained", "operator"])
def test_a_suppression_refuses_although_nothing_is_known_of_the_contact(
    database: Database, reason: str
) -> None:
    def ask(connection: Connection) -> str | None:
        write(connection, {(KEY, reason): T1})
        return refusal(connection)

    assert database.transact(ask) == "suppressed"


def test_a_later_yes_ends_unsubscribed_alone(database: Database) -> None:
    def ask(connection: Connection) -> tuple[str | None, str | None]:
        contact(connection, consent=True, time=T2)
        write(connection, {(KEY, "unsubscribed"): T1})
        first = refusal(connection)
        write(connection, {(KEY, "complained"): T1})
        return first, refusal(connection)

    assert database.transact(ask) == (None, "suppressed")


def test_an_earlier_yes_and_one_of_the_same_moment_end_nothing(database: Database) -> None:
    def ask(connection: Connection) -> str | None:
        contact(connection, consent=True, time=T2)
        write(connection, {(KEY, "unsubscribed"): T2})
        return refusal(connection)

    assert database.transact(ask) == "suppressed"


def test_lifted_ends_what_came_before_it_whatever_the_order_of_arrival() -> None:
    said = [("operator", T1), ("lifted", T2), ("bounced", T3)]

    results = set()
    for order in itertools.permutations(said):
        moments: dict[str, str] = {}
        for reason, time in [*order, *order]:
            moments[reason] = max(time, moments.get(reason, ""))
        results.add(standing(moments, None))

    assert results == {"bounced"}
    assert standing({"operator": T1, "lifted": T2}, None) is None
    assert standing({"operator": T2, "lifted": T2}, None) == "operator"  # at the same moment no wins


def test_an_older_moment_never_replaces_a_later_one(database: Database) -> None:
    def ask(connection: Connection) -> str | None:
        write(connection, {(KEY, "operator"): T3})
        write(connection, {(KEY, "operator"): T1, (KEY, "lifted"): T2})
        return refusal(connection)

    assert database.transact(ask) == "suppressed"


def test_a_suppression_of_the_phone_or_under_an_alias_counts_for_the_contact(database: Database) -> None:
    def ask(connection: Connection) -> list[str | None]:
        contact(connection, phone="+491701234567")
        answers = [refusal(connection)]
        write(connection, {(OTHER, "operator"): T1})
        answers.append(refusal(connection))
        write(connection, {(OTHER, "lifted"): T2})
        aliases.add(connection, {"today's key": KEY})
        answers.append(refusal(connection))
        write(connection, {("today's key", "operator"): T1})
        return [*answers, refusal(connection)]

    # The lifting of the phone ends no suppression of the e-mail that came later or stands elsewhere.
    assert database.transact(ask) == [None, "suppressed", None, None]


def test_a_refused_claim_leaves_no_intent_so_that_a_later_yes_is_welcomed(database: Database) -> None:
    claim = Claim("welcome:k", b"1" * 16, "send", may_repeat=False, contact_key=KEY, requires="no-objection")

    def claim_it(connection: Connection, number: int) -> Claimed:
        return effects.claim(connection, [claim], "w", number, key_of_phone)[0]

    def ask(connection: Connection) -> tuple[Claimed, int, Claimed]:
        contact(connection, consent=False)
        refused = claim_it(connection, 1)
        rows = connection.execute(sa.select(sa.func.count()).select_from(effects_table)).scalar_one()
        connection.execute(sa.delete(contacts))
        contact(connection, consent=True)
        return refused, rows, claim_it(connection, 2)

    refused, rows, granted = database.transact(ask)

    assert (refused, rows) == (Claimed(Verdict.REFUSED, refusal="no-consent"), 0)
    assert granted.verdict is Verdict.GRANTED
