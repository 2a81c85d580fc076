"""This file lists faults to plant into healthy evidence: each is what one broken promise would leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from tests.checker.evidence import (
    ASSIGNED,
    INTENT,
    LETTER,
    LETTERS,
    RECEIVED,
    UPSERTED,
    WELCOMED,
    EffectRow,
    Evidence,
    Mail,
    Record,
    Webhook,
    derive,
)

Kind = Literal["lost", "doubled", "torn", "altered"]
FAULTS: dict[str, tuple[Kind, Callable[[Evidence], None]]] = {}
"""By name: where the checker must report it, and what plants it."""


def fault(kind: Kind) -> Callable[[Callable[[Evidence], None]], Callable[[Evidence], None]]:
    def add(plant: Callable[[Evidence], None]) -> Callable[[Evidence], None]:
        FAULTS[plant.__name__.replace("_", " ")] = (kind, plant)
        return plant

    return add


def sent(evidence: Evidence) -> Record:
    """Give a LeadWelcomed that says sent."""
    return next(record for record in evidence.records[WELCOMED] if record.data["outcome"] == "sent")


def with_data(record: Record, **changed: object) -> Record:
    return replace(record, value=json.dumps({**record.data, **changed}).encode())


def with_header(record: Record, name: str, value: str) -> Record:
    return replace(record, headers=[(n, value.encode() if n == name else v) for n, v in record.headers])


def new_letter(evidence: Evidence, **changed: object) -> None:
    evidence.records[LETTERS][0] = replace(evidence.records[LETTERS][0], **changed)  # type: ignore[arg-type]


def received_later(evidence: Evidence) -> Record:
    """Append a lead that nobody acted on."""
    last = evidence.records[RECEIVED][-1]
    record = replace(last, offset=last.offset + 1, value=b'{"email": "late@customer.example"}', headers=[])
    evidence.records[RECEIVED].append(record)
    return record


@fault("lost")
def a_lead_acknowledged_before_it_was_settled(evidence: Evidence) -> None:
    record = received_later(evidence)
    evidence.committed[RECEIVED, record.partition] = record.offset + 1


@fault("lost")
def a_letter_that_was_never_published(evidence: Evidence) -> None:
    evidence.records[LETTERS].clear()


@fault("lost")
def a_run_that_stops_in_the_middle(evidence: Evidence) -> None:
    gone = evidence.records[UPSERTED][0].header("ce_id")
    evidence.records[UPSERTED] = [each for each in evidence.records[UPSERTED] if each.header("ce_id") != gone]


@fault("doubled")
def a_second_contact_of_one_person(evidence: Evidence) -> None:
    contact = next(each for each in evidence.contacts if each.email)
    evidence.contacts.append(replace(contact, contact_key="other", contact_id="other"))


@fault("doubled")
def the_same_assignment_to_another_owner(evidence: Evidence) -> None:
    record = evidence.records[ASSIGNED][0]
    owner = {"id": "zoe", "name": "Zoe", "email": "zoe@acme.example"}
    evidence.records[ASSIGNED].append(with_data(replace(record, offset=10_000), owner=owner))


@fault("doubled")
def a_second_assignment_of_one_lead(evidence: Evidence) -> None:
    record = replace(evidence.records[ASSIGNED][0], offset=10_000)
    evidence.records[ASSIGNED].append(with_header(record, "ce_id", derive("another")))


@fault("doubled")
def a_mail_that_went_out_twice(evidence: Evidence) -> None:
    evidence.mails.append(evidence.mails[0])


@fault("doubled")
def a_second_mail_to_one_contact(evidence: Evidence) -> None:
    evidence.mails.append(replace(evidence.mails[0], message_id="<another@acme.example>"))


@fault("doubled")
def a_second_webhook_id_for_one_lead(evidence: Evidence) -> None:
    evidence.webhooks.append(replace(evidence.webhooks[0], webhook_id="msg_another"))


@fault("torn")
def a_result_that_was_published_and_not_committed(evidence: Evidence) -> None:
    gone = evidence.records[ASSIGNED][0].header("ce_id")
    evidence.ledger = [row for row in evidence.ledger if row.id != gone]


@fault("torn")
def a_result_that_was_committed_and_not_published(evidence: Evidence) -> None:
    evidence.records[WELCOMED].remove(sent(evidence))


@fault("torn")
def a_ledger_that_remembers_something_else(evidence: Evidence) -> None:
    at = next(number for number, row in enumerate(evidence.ledger) if row.action == "assign-owner")
    evidence.ledger[at] = replace(evidence.ledger[at], result=b"{}")


@fault("torn")
def a_contact_without_the_owner_it_was_given(evidence: Evidence) -> None:
    evidence.contacts[0] = replace(evidence.contacts[0], owner_id=None)


@fault("torn")
def a_contact_that_no_event_tells_of(evidence: Evidence) -> None:
    contact = evidence.contacts[0]
    evidence.contacts.append(replace(contact, contact_id="x", email="x@customer.example", phone=None))


@fault("torn")
def a_contact_that_is_older_than_its_events(evidence: Evidence) -> None:
    evidence.contacts[0] = replace(evidence.contacts[0], revision=0)


@fault("torn")
def a_welcome_that_was_told_and_not_sent(evidence: Evidence) -> None:
    message_id = sent(evidence).data["message_id"]
    evidence.mails = [mail for mail in evidence.mails if mail.message_id != message_id]


@fault("torn")
def a_mail_that_nobody_tells_of(evidence: Evidence) -> None:
    evidence.mails.append(Mail(("stranger@customer.example",), "<stranger@acme.example>"))


@fault("torn")
def an_intent_that_nobody_is_told_of(evidence: Evidence) -> None:
    evidence.effects[0] = EffectRow(evidence.effects[0].key, evidence.effects[0].ledger_id, INTENT, None)


@fault("torn")
def a_letter_that_is_not_indexed(evidence: Evidence) -> None:
    evidence.letters.clear()


@fault("torn")
def a_letter_that_stays_open_after_its_result(evidence: Evidence) -> None:
    lead = next(
        each for each in evidence.records[RECEIVED] if each.value != evidence.records[LETTERS][0].value
    )
    letter = evidence.records[LETTERS][0]
    for name, text in (("partition", lead.partition), ("offset", lead.offset)):
        letter = with_header(letter, LETTER + name, str(text))
    evidence.records[LETTERS].append(
        with_header(letter, LETTER + "id", derive("of a lead that has its result"))
    )


@fault("altered")
def a_letter_with_another_value(evidence: Evidence) -> None:
    new_letter(evidence, value=(evidence.records[LETTERS][0].value or b"") + b" ")


@fault("altered")
def a_letter_without_its_key(evidence: Evidence) -> None:
    new_letter(evidence, key=None)


@fault("altered")
def a_letter_that_dropped_a_repeated_header(evidence: Evidence) -> None:
    new_letter(evidence, headers=list(dict(evidence.records[LETTERS][0].headers).items()))


@fault("altered")
def a_letter_whose_null_header_became_empty(evidence: Evidence) -> None:
    new_letter(
        evidence, headers=[(name, value or b"") for name, value in evidence.records[LETTERS][0].headers]
    )


@fault("altered")
def a_letter_that_names_another_record(evidence: Evidence) -> None:
    evidence.records[LETTERS][0] = with_header(evidence.records[LETTERS][0], LETTER + "offset", "0")


@fault("altered")
def an_index_with_another_record(evidence: Evidence) -> None:
    evidence.letters[0] = replace(evidence.letters[0], value=b"{}")


def repeated_call(evidence: Evidence) -> None:
    """No fault: the receiver drops it by its id."""
    evidence.webhooks.append(Webhook(evidence.webhooks[0].webhook_id, evidence.webhooks[0].lead_id))
