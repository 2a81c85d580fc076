"""Faults to plant in a healthy history: each returns the id by which its finding must name it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from streams.operations.verify.contract import (
    ASSIGNED,
    INTENT,
    LETTER,
    LETTERS,
    MATCHED,
    RECEIVED,
    UPSERTED,
    derive,
    hook_id_of,
    partition_of,
)
from streams.operations.verify.evidence import EffectRow, Mail, Record, Webhook
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    CONTACT,
    KEY,
    LEAD,
    LEAD_ID,
    NOTIFIED,
    NOW_MS,
    PREFIX,
    WELCOMED,
    History,
    received,
)

Plant = Callable[[History], str]
FAULTS: list[tuple[Plant, Kind, str]] = []
"""What plants it, and the finding that must name it."""


def fault(kind: Kind, what: str) -> Callable[[Plant], Plant]:
    def add(plant: Plant) -> Plant:
        FAULTS.append((plant, kind, what))
        return plant

    return add


def with_header(record: Record, name: str, value: str) -> Record:
    return replace(record, headers=[(n, value.encode() if n == name else v) for n, v in record.headers])


def with_data(record: Record, **changed: object) -> Record:
    return replace(record, value=json.dumps({**record.data, **changed}).encode())


def event_id(record: Record) -> str:
    return str(record.header("ce_id"))


@fault("lost", "an action left no result and no letter")
def a_lead_acknowledged_before_it_was_settled(history: History) -> str:
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("lost", "an action left no result and no letter")
def a_letter_that_was_never_published(history: History) -> str:
    history.records.remove(history.of(LETTERS))
    return f"{PREFIX}{RECEIVED}/0/1"


@fault("lost", "an action left no result and no letter")
def a_run_that_stops_in_the_middle(history: History) -> str:
    history.records.remove(history.of(UPSERTED))
    return f"{PREFIX}{MATCHED}/0/0"


@fault("lost", "an id that came again with other content, and no letter")
def an_id_that_is_used_twice(history: History) -> str:
    history.swap(history.of(RECEIVED), value=b'{"email": "ana@customer.example"}')
    history.records.append(received(LEAD_ID, 2, b'{"email": "eva@customer.example"}'))
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("duplicated", "one ce_id, two contents")
def the_same_assignment_to_another_owner(history: History) -> str:
    owner = {"id": "zoe", "email": "zoe@acme.example"}
    history.records.append(with_data(replace(history.of(ASSIGNED), offset=1), owner=owner))
    return event_id(history.of(ASSIGNED))


def a_second_result(topic: str, history: History) -> str:
    other = derive("another")
    history.records.append(with_header(replace(history.of(topic), offset=1), "ce_id", other))
    return other


@fault("duplicated", "contact created twice")
def a_second_creation_of_a_contact(history: History) -> str:
    return a_second_result(UPSERTED, history)


@fault("duplicated", "contact given an owner twice")
@fault("duplicated", "two results of one action for one event")
def a_second_assignment_of_one_lead(history: History) -> str:
    return a_second_result(ASSIGNED, history)


@fault("duplicated", "two results of one action for one event")
def a_second_welcome_of_one_lead(history: History) -> str:
    return a_second_result(WELCOMED, history)


@fault("duplicated", "contact given to two owners")
def two_owners_of_a_contact(history: History) -> str:
    other = with_header(replace(history.of(ASSIGNED), offset=1), "ce_id", derive("another"))
    history.records.append(
        with_data(other, strategy="existing", owner={"id": "zoe", "email": "zoe@acme.example"})
    )
    return "zoe"


@fault("duplicated", "two contacts for one e-mail")
def a_second_contact(history: History) -> str:
    history.contacts.append(replace(history.contacts[0], contact_key="other", contact_id="contact-2"))
    return "contact-2"


@fault("duplicated", "two contacts for one phone")
def a_second_contact_without_an_email(history: History) -> str:
    contact = replace(history.contacts[0], email=None, phone="+49 30 1")
    history.contacts = [contact, replace(contact, contact_key="other", contact_id="contact-2")]
    return "contact-2"


def an_effect_in_two_results(topic: str, history: History) -> str:
    second = with_header(replace(history.of(topic), offset=1), "ce_id", derive("another"))
    effect = history.action(topic).effect
    assert effect is not None
    assert effect.reference_field is not None
    history.records.append(with_data(second, **{effect.reference_field: "another reference"}))
    return "another reference"


@fault("duplicated", "one effect in two results")
def a_contact_welcomed_twice(history: History) -> str:
    return an_effect_in_two_results(WELCOMED, history)


@fault("duplicated", "one effect in two results")
def an_owner_notified_twice_of_one_event(history: History) -> str:
    return an_effect_in_two_results(NOTIFIED, history)


@fault("duplicated", "one mail twice at the mail server")
def a_mail_that_went_out_twice(history: History) -> str:
    history.mails.append(history.mails[0])
    return history.mails[0].message_id


@fault("duplicated", "two mails to one contact")
def a_second_mail_to_one_contact(history: History) -> str:
    history.mails.append(replace(history.mails[0], message_id="<another@acme.example>"))
    return "<another@acme.example>"


@fault("duplicated", "one effect of a lead under two webhook-ids")
def a_second_webhook_id_for_one_lead(history: History) -> str:
    history.webhooks.append(replace(history.webhooks[0], webhook_id="msg_another"))
    return "msg_another"


@fault("inconsistent", "a result event that the ledger does not have")
def a_result_that_was_published_and_not_committed(history: History) -> str:
    return history.ledger.pop(2).id


@fault("inconsistent", "the ledger has another result than the topic")
def a_ledger_that_remembers_something_else(history: History) -> str:
    history.ledger[2] = replace(history.ledger[2], result=b"{}")
    return history.ledger[2].id


@fault("inconsistent", "done by the ledger, but no result event")
def a_result_that_was_committed_and_not_published(history: History) -> str:
    record = history.of(WELCOMED)
    history.records.remove(record)
    return event_id(record)


@fault("inconsistent", "a result event of no record there is")
def a_result_of_no_record(history: History) -> str:
    return a_second_result(MATCHED, history)


@fault("inconsistent", "a ledger row of no record there is")
def a_ledger_row_of_no_record(history: History) -> str:
    history.ledger.append(replace(history.ledger[0], id=derive("nothing")))
    return derive("nothing")


@fault("inconsistent", "failed by the ledger, but no letter")
def a_failure_without_a_letter(history: History) -> str:
    history.records.remove(history.of(LETTERS))
    return history.ledger[-1].id


@fault("inconsistent", "ContactUpserted, but no contact")
def a_contact_that_is_not_there(history: History) -> str:
    history.contacts.clear()
    return CONTACT


@fault("inconsistent", "a contact whose last change has no event")
def a_contact_that_no_event_is_about(history: History) -> str:
    history.contacts.append(
        replace(history.contacts[0], contact_key="x", contact_id="contact-x", email="x@x.example")
    )
    return "contact-x"


@fault("inconsistent", "the contact is older than its newest event")
def a_contact_that_is_older_than_its_events(history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], revision=0)
    return CONTACT


@fault("inconsistent", "a contact's field is older than what a lead said later")
def a_field_that_is_older_than_what_was_stated_later(history: History) -> str:
    stated = {"contact_key": KEY, "lead": {"company": "New GmbH"}, "origin": {"time": "2026-11-23T12:00:00Z"}}
    history.swap(history.of(MATCHED), value=json.dumps(stated).encode())
    at = next(each for each in history.ledger if each.id == event_id(history.of(MATCHED)))
    history.ledger[history.ledger.index(at)] = replace(at, result=json.dumps(stated).encode())
    fields = {"company": ["Old GmbH", "/web", "2026-11-23T08:00:00Z", "e-0"]}
    history.contacts[0] = replace(history.contacts[0], fields=json.dumps(fields).encode())
    return CONTACT


def an_owner(owner_id: str | None, history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], owner_id=owner_id)
    return CONTACT


@fault("inconsistent", "LeadAssigned, but the contact has not this owner")
def a_contact_of_another_owner(history: History) -> str:
    return an_owner("bob", history)


@fault("inconsistent", "LeadAssigned, but the contact has not this owner")
def a_contact_without_the_owner_it_was_given(history: History) -> str:
    return an_owner(None, history)


@fault("inconsistent", "a result names a mail that the mail server does not have")
def a_mail_that_was_reported_and_not_sent(history: History) -> str:
    return history.mails.pop().message_id


@fault("inconsistent", "a result names a webhook call that the receiver does not have")
def a_webhook_call_that_was_reported_and_not_made(history: History) -> str:
    return history.webhooks.pop().webhook_id


@fault("inconsistent", "a mail that nobody accounts for")
def a_mail_that_nobody_accounts_for(history: History) -> str:
    history.mails.append(Mail(("stranger@customer.example",), "<stranger@acme.example>"))
    return "<stranger@acme.example>"


@fault("inconsistent", "a mail that nobody accounts for")
def a_mail_without_its_intent(history: History) -> str:
    """The mail follows from an effect's key, but that effect was never begun."""
    history.records.remove(history.of(WELCOMED))
    history.effects.clear()
    return history.mails[0].message_id


@fault("inconsistent", "an intent without outcome, and no letter UNCERTAIN")
def an_intent_without_a_letter(history: History) -> str:
    history.effects[0] = replace(history.effects[0], status=INTENT)
    return history.effects[0].ledger_id


@fault("inconsistent", "a letter that is not in the index")
def a_letter_that_is_not_indexed(history: History) -> str:
    return history.letters.pop().id


@fault("inconsistent", "a result, and an open letter")
def a_letter_that_stays_open_after_its_result(history: History) -> str:
    letter = history.of(LETTERS)
    for name, text in (("partition", "0"), ("offset", "0"), ("id", derive("of a lead that has its result"))):
        letter = with_header(letter, LETTER + name, text)
    history.records.append(replace(letter, offset=letter.offset + 10))
    return derive("of a lead that has its result")


def a_letter(history: History, **changed: object) -> str:
    letter = history.of(LETTERS)
    history.swap(letter, **changed)
    return str(letter.header(LETTER + "id"))


@fault("altered", "the letter's value is not that of the record")
def a_letter_with_another_value(history: History) -> str:
    return a_letter(history, value=b"{}")


@fault("altered", "the letter's key is not that of the record")
def a_letter_without_its_key(history: History) -> str:
    return a_letter(history, key=None)


@fault("altered", "the letter's header list is not that of the record")
def a_letter_that_dropped_a_repeated_header(history: History) -> str:
    return a_letter(history, headers=list(dict(history.of(LETTERS).headers).items()))


@fault("altered", "the letter's header list is not that of the record")
def a_letter_whose_null_header_became_empty(history: History) -> str:
    headers = history.of(LETTERS).headers
    return a_letter(history, headers=[(name, value or b"") for name, value in headers])


@fault("altered", "the letter's value is not that of the record")
def a_letter_that_names_another_record(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "offset", "0").headers)


@fault("altered", "a letter of a record that is not there")
def a_letter_that_names_no_record(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "offset", "77").headers)


@fault("altered", "the letter has wrong headers about its record")
def a_letter_of_another_group(history: History) -> str:
    return a_letter(history, headers=with_header(history.of(LETTERS), LETTER + "group", "other").headers)


@fault("altered", "the index has another record than the letter")
def an_index_with_another_record(history: History) -> str:
    history.letters[0] = replace(history.letters[0], value=b"{}")
    return history.letters[0].id


@fault("altered", "the index has a letter that the topic has not")
def an_index_with_a_letter_of_its_own(history: History) -> str:
    history.letters.append(replace(history.letters[0], id=derive("indexed alone")))
    return derive("indexed alone")


@fault("misplaced", "a result under another key")
def a_result_under_another_key(history: History) -> str:
    history.swap(history.of(UPSERTED), key=b"other")
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a record on another partition than its key's")
def a_record_on_another_partition(history: History) -> str:
    counts = range(2, 100)
    history.partitions[UPSERTED] = next(count for count in counts if partition_of(KEY.encode(), count))
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a record that is no event of this topic")
def a_result_of_another_type(history: History) -> str:
    record = history.of(UPSERTED)
    history.swap(record, headers=with_header(record, "ce_type", "crm.lead.rejected.v1").headers)
    return f"{PREFIX}{UPSERTED}/0/0"


def another_header(name: str, history: History) -> str:
    record = history.of(UPSERTED)
    history.swap(record, headers=with_header(record, name, derive("another")).headers)
    return f"{PREFIX}{UPSERTED}/0/0"


@fault("misplaced", "a result with another ce_causationid than its event's")
def a_result_of_another_cause(history: History) -> str:
    return another_header("ce_causationid", history)


@fault("misplaced", "a result with another ce_correlationid than its event's")
def a_result_of_another_run(history: History) -> str:
    return another_header("ce_correlationid", history)


@fault("misplaced", "a result with another ce_position than its event's")
def a_result_of_another_position(history: History) -> str:
    return another_header("ce_position", history)


@fault("misplaced", "a record that is no dead letter on the topic of dead letters")
def a_record_that_is_no_dead_letter(history: History) -> str:
    history.swap(history.of(LETTERS), headers=[])
    return f"{PREFIX}{LETTERS}/0/0"


@fault("stuck", "lag that does not move")
def a_lag_that_does_not_move(history: History) -> str:
    lead = received(("/web", "e-3"), 2, b"{}")
    history.records.append(replace(lead, timestamp=NOW_MS - 3_600_000))
    history.settled[RECEIVED] = 2
    return f"{PREFIX}{RECEIVED}/0/2"


@fault("stuck", "a record that nobody has settled for long")
def a_lag_that_moves_too_slowly(history: History) -> str:
    for offset in (2, 3):
        lead = received(("/web", f"e-{offset}"), offset, b"{}")
        history.records.append(replace(lead, timestamp=NOW_MS - 3_600_000))
    history.settled[RECEIVED] = 2
    history.meanwhile.append(lambda now: now.settled.update({RECEIVED: 3}))
    return f"{PREFIX}{RECEIVED}/0"


@fault("stuck", "a scheduled retry that is long overdue")
def an_overdue_retry(history: History) -> str:
    history.letters[0] = replace(history.letters[0], status="scheduled", due_at=1)
    return history.letters[0].id


@fault("stuck", "a scheduled retry without a due time")
def a_retry_that_is_never_due(history: History) -> str:
    history.letters[0] = replace(history.letters[0], status="scheduled", due_at=None)
    return history.letters[0].id


@fault("stuck", "a call that was begun long ago and not ended")
def a_call_that_is_not_ended(history: History) -> str:
    lead = received(("/web", "e-3"), 2, b"{}")
    history.records.append(lead)
    history.settled[RECEIVED] = 2
    (action, *_) = history.contract.actions
    pending = derive("/web", "e-3", action.name, action.version)
    history.effects.append(EffectRow("call:e-3", pending, INTENT, 1))
    return pending


@fault("duplicated", "one effect of a lead under two webhook-ids")
def a_second_call_of_an_uncertain_effect(history: History) -> str:
    """Nobody states the second call: it is known by its id alone, which follows from the effect's key."""
    history.effects.append(EffectRow("notify:another run", derive("another"), INTENT, NOW_MS * 1000))
    history.webhooks.append(Webhook(f"msg_{hook_id_of('notify:another run')}", LEAD))
    return history.webhooks[-1].webhook_id
