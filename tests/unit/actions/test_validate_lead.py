"""Shows what makes a lead a good one, and that a bad one gets all its reasons and nothing else."""

from __future__ import annotations

import string

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.fakes import FakeIdentity, FakeRules
from actions.normalise.consent import consent_meaning
from actions.validate_lead import validate_lead
from streams.testing import check_atomic
from tests.unit.actions.examples import ENVELOPE, ORIGIN
from topics.decode import Position, decode
from topics.events import Consent, Lead, LeadReceived, LeadRejected, LeadValidated, Note, Reason
from topics.failures import DecodeError

IDENTITY, RULES = FakeIdentity(), FakeRules(default_region="DE")


def read_record(fields: dict[str, object]) -> LeadReceived:
    """Return the lead as a worker reads it from a record."""
    event = decode(orjson.dumps(fields), [], LeadReceived, Position("leads", 0, 0, 1_700_000_000_000)).event
    assert isinstance(event, LeadReceived)
    return event


async def validated(lead: LeadReceived) -> LeadValidated | LeadRejected:
    return await validate_lead(lead, envelope=ENVELOPE, identity=IDENTITY, rules=RULES)


async def reasons_against(**fields: object) -> list[tuple[str, str]]:
    event = await validated(LeadReceived.model_validate({"email": "anna@example.com"} | fields))
    return (
        [(reason.field, reason.code) for reason in event.reasons] if isinstance(event, LeadRejected) else []
    )


async def notes_on(**fields: object) -> list[tuple[str, str]]:
    event = await validated(LeadReceived.model_validate({"email": "anna@example.com"} | fields))
    assert isinstance(event, LeadValidated), event
    return [(note.field, note.code) for note in event.notes]


async def kept_of(**fields: object) -> Lead:
    event = await validated(LeadReceived.model_validate({"email": "anna@example.com"} | fields))
    assert isinstance(event, LeadValidated), event
    return event.lead


async def test_a_good_lead_comes_out_in_one_spelling() -> None:
    lead = LeadReceived(
        lead_id="lead-1",
        email=" Anna.SCHMIDT@Example.COM ",
        phone="0170 1234567",
        first_name=" Anna  Maria",
        last_name="Schmidt",
        company="Schmidt\u00a0&\tSo\u0308hne ",
        website=" https://schmidt.example ",
        job_title=" CTO",
        country="Deutschland",
        city="  Ulm ",
        language="de_de",
        source="web-form",
        message=" Hello,\nplease call. ",
        consent=Consent(marketing=True, time="2026-11-23T21:15:00+01:00", text=" I agree "),
        attributes={"budget": 25_000, "is_vip": False, "note": " soon "},
        utm_source="google",  # type: ignore[call-arg]  # any field may come on this topic
    )

    event = await validated(lead)

    assert event == LeadValidated(
        lead_id="lead-1",
        contact_key="key of anna.schmidt@example.com",
        origin=ORIGIN,
        lead=Lead(
            email="anna.schmidt@example.com",
            phone="+491701234567",
            name="Anna Maria Schmidt",
            first_name="Anna Maria",
            last_name="Schmidt",
            company="Schmidt & Söhne",
            website="https://schmidt.example",
            job_title="CTO",
            country="DE",
            city="Ulm",
            language="de-DE",
            source="web-form",
            message="Hello,\nplease call.",
            consent=Consent(marketing=True, time="2026-11-23T20:15:00.000000Z", text="I agree"),
            attributes={"utm_source": "google", "budget": 25_000, "is_vip": False, "note": "soon"},
        ),
    )


async def test_a_lead_without_a_usable_identity_is_rejected_with_all_reasons_field_by_field() -> None:
    lead = LeadReceived(lead_id="lead-1", email="anna schmidt@example.com", phone="12", name="A" * 201)

    event = await validated(lead)

    assert event == LeadRejected(
        lead_id="lead-1",
        origin=ORIGIN,
        reasons=[
            Reason(
                field="email",
                code="EMAIL_INVALID",
                message="The e-mail address has a blank at character 5; write it without.",
            ),
            Reason(
                field="phone",
                code="PHONE_INVALID",
                message="No such phone number can exist in the lead's country; check its digits, or write it with + "
                "and the calling code.",
            ),
        ],
    )


async def test_what_is_not_the_identity_never_costs_the_lead() -> None:
    event = await validated(
        LeadReceived.model_validate(
            {
                "lead_id": "lead-1",
                "email": "anna@example.com",
                "phone": "12",
                "name": "A" * 2_001,
                "country": "Atlantis",
                "language": "Klingon, I think",
                "consent": {"time": "yesterday"},
                "attributes": {"budget": {"from": 1}},
                "tags": ["a"],
            }
        )
    )

    assert isinstance(event, LeadValidated)
    assert event.lead == Lead(
        email="anna@example.com",
        attributes={
            "tags": '["a"]',
            "budget": '{"from":1}',
            "name": "A" * 2_000,
            "country": "Atlantis",
            "language": "Klingon, I think",
            "phone": "12",
            "consent.time": "yesterday",
        },
    )
    assert [(note.field, note.code) for note in event.notes] == [
        ("tags", "NESTED_FIELD"),
        ("attributes.budget", "NESTED_FIELD"),
        ("name", "TOO_LONG"),
        ("name", "TEXT_CUT"),
        ("country", "COUNTRY_UNKNOWN"),
        ("language", "LANGUAGE_UNKNOWN"),
        ("phone", "PHONE_INVALID"),
        ("consent.time", "TIME_INVALID"),
    ]


@pytest.mark.parametrize("phone", [491701234567, 4.9e11, True, ["0170 1234567"]])
async def test_a_phone_that_is_no_text_is_kept_and_noted_beside_an_email(phone: object) -> None:
    lead = read_record({"email": "anna@example.com", "phone": phone})

    event = await validated(lead)

    assert isinstance(event, LeadValidated)
    assert (event.lead.phone, list(event.lead.attributes)) == (None, ["phone"])
    assert ("phone", "WRONG_TYPE") in [(note.field, note.code) for note in event.notes]


async def test_an_email_that_is_no_text_is_the_publishers_defect_unless_there_is_a_phone() -> None:
    event = await validated(read_record({"email": 17, "phone": "+491701234567"}))

    assert isinstance(event, LeadValidated)
    assert (event.contact_key, event.lead.attributes) == ("key of +491701234567", {"email": 17})
    with pytest.raises(DecodeError, match="email: Input should be a valid string") as failed:
        await validated(read_record({"email": 17, "phone": "12"}))
    assert (failed.value.code, failed.value.failure_class) == ("WRONG_TYPE", "invalid")


async def test_a_bad_email_beside_a_good_phone_leaves_the_phone_as_the_identity() -> None:
    event = await validated(LeadReceived(email="ada@gmail,com", phone="+491701234567"))

    assert isinstance(event, LeadValidated)
    assert (event.contact_key, event.lead.attributes) == ("key of +491701234567", {"email": "ada@gmail,com"})
    assert [(note.field, note.code) for note in event.notes] == [("email", "EMAIL_INVALID")]


async def test_notes_tell_of_a_time_in_the_future_and_of_attributes_that_are_ours() -> None:
    envelope = ENVELOPE._replace(is_time_replaced=True, ignored=("effect",))
    event = await validate_lead(
        LeadReceived(email="anna@example.com"), envelope=envelope, identity=IDENTITY, rules=RULES
    )

    assert isinstance(event, LeadValidated)
    assert [(note.field, note.code) for note in event.notes] == [
        ("ce_effect", "ATTRIBUTE_IGNORED"),
        ("ce_time", "TIME_IN_FUTURE"),
    ]


@pytest.mark.parametrize("blank", [None, "", " \t\u00a0"])
async def test_a_lead_without_email_and_phone_reaches_nobody(blank: str | None) -> None:
    assert await reasons_against(email=blank, phone=blank, name="Anna") == [("email", "CONTACT_MISSING")]


async def test_a_lead_is_about_the_email_and_only_without_one_about_the_phone() -> None:
    both = await validated(LeadReceived(email="anna@example.com", phone="+491701234567"))
    phone = await validated(LeadReceived(phone="+491701234567"))

    assert (both.key, phone.key) == ("key of anna@example.com", "key of +491701234567")


async def test_a_lead_without_an_id_goes_by_its_event() -> None:
    assert (await validated(LeadReceived(email="anna@example.com"))).lead_id == ENVELOPE.id


async def test_blank_fields_are_absent() -> None:
    blanks = {
        name: " "
        for name in LeadReceived.model_fields
        if name not in ("email", "consent", "attributes", "lead_id")
    }

    kept = await kept_of(**blanks, consent=Consent(text=" "), attributes={"note": " ", "budget": None})

    assert kept == Lead(email="anna@example.com")


async def test_a_name_that_was_given_is_not_split_and_not_replaced() -> None:
    kept = await kept_of(name="Dr. Anna Schmidt", first_name="Anna")

    assert kept == Lead(email="anna@example.com", name="Dr. Anna Schmidt", first_name="Anna")


async def test_explicit_attributes_win_over_unknown_fields() -> None:
    assert (await kept_of(budget=1, attributes={"budget": 2})).attributes == {"budget": 2}


async def test_a_national_number_is_read_in_the_country_of_the_lead() -> None:
    kept = [await kept_of(phone="044 668 18 00", country=country) for country in ("CH", "Schweiz")]

    assert [lead.phone for lead in kept] == ["+41446681800", "+41446681800"]


async def test_the_reason_against_a_lone_national_number_is_its_unknown_country() -> None:
    alone = await reasons_against(email=None, phone="0170 1234567", country="Atlantis")
    international = await reasons_against(email=None, phone="+49 12", country="Atlantis")

    assert (alone, international) == ([("country", "COUNTRY_UNKNOWN")], [("phone", "PHONE_INVALID")])


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("phone", 100),
        ("name", 200),
        ("first_name", 200),
        ("last_name", 200),
        ("company", 200),
        ("job_title", 200),
        ("city", 200),
        ("source", 200),
        ("website", 2_000),
        ("message", 10_000),
    ],
)
async def test_text_has_a_longest_length(field: str, allowed: int) -> None:
    text = "x" * (allowed + 1)
    event = await validated(LeadReceived.model_validate({"email": "anna@example.com", field: text}))

    said = (
        f"The text has {allowed + 1} characters; at most {allowed} are allowed, so shorten it. The value is kept under "
        "attributes."
    )
    assert isinstance(event, LeadValidated)
    assert event.notes[0] == Note(field=field, code="TOO_LONG", said=said)
    assert (getattr(event.lead, field), event.lead.attributes) == (None, {field: text[:2_000]})


async def test_text_of_the_longest_length_is_kept() -> None:
    fields = {
        "company": "x" * 200,
        "website": "x" * 2_000,
        "message": "x" * 10_000,
        "attributes": {"a": "x" * 2_000},
    }

    assert await kept_of(**fields) == Lead.model_validate({"email": "anna@example.com"} | fields)


async def test_attributes_are_limited_in_number_name_and_text() -> None:
    most = {f"a{number}": number for number in range(200)}

    assert (await kept_of(attributes=most)).attributes == most
    assert await notes_on(attributes=most, one_more=1) == [("attributes", "TOO_MANY_ATTRIBUTES")]
    assert (await kept_of(attributes={"a": "x" * 2_001})).attributes == {"a": "x" * 2_000}
    assert (await kept_of(**{"n" * 101: 1})).attributes == {"n" * 100: 1}
    assert await notes_on(**{"n" * 101: 1}) == [(f"{'n' * 100}…", "NAME_TOO_LONG")]


SECRET = "Ωmega"
"""Letters that no message of ours has: every value carries them, and no reason may."""

texts = st.one_of(
    st.text(max_size=300),
    st.text(string.ascii_letters + string.digits + "@.+- ()'\"<>", max_size=60),
    st.sampled_from(
        ["+49 170 1234567", "a@b.de", "0170 1234567", "DE", "x" * 12_000, "de", "2026-11-23T20:15:00Z"]
    ),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts)
anything = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(texts, scalars, max_size=2))
TEXT_FIELDS = [name for name in LeadReceived.model_fields if name not in ("consent", "attributes")]


def leads(text: st.SearchStrategy[str]) -> st.SearchStrategy[LeadReceived]:
    return st.builds(
        lambda fields, consent, attributes, extras: LeadReceived(
            **extras | fields | {"consent": consent, "attributes": attributes}
        ),
        fields=st.dictionaries(st.sampled_from(TEXT_FIELDS), st.none() | text),
        consent=st.none()
        | st.builds(
            Consent, marketing=st.none() | st.booleans(), time=st.none() | text, text=st.none() | text
        ),
        attributes=st.none() | st.dictionaries(st.text(max_size=120), anything, max_size=4),
        extras=st.dictionaries(st.text(max_size=120).map(lambda name: f"x_{name}"), anything, max_size=4),
    )


@settings(max_examples=300, deadline=None)
@given(leads(texts))
async def test_any_lead_gets_an_answer_and_it_is_a_valid_event(lead: LeadReceived) -> None:
    event = await validated(lead)

    assert type(event).model_validate(event.model_dump()) == event


@settings(max_examples=200, deadline=None)
@given(leads(st.one_of(texts.map(SECRET.__add__), texts.map(lambda text: f"{text}{SECRET}"))))
async def test_no_reason_and_no_note_carries_the_value(lead: LeadReceived) -> None:
    event = await validated(lead)

    messages = " ".join(
        [reason.message for reason in event.reasons]
        if isinstance(event, LeadRejected)
        else [note.said for note in event.notes]
    )
    assert not set(SECRET[:1]) & set(messages)
    assert set(messages) <= set(string.ascii_letters + string.digits + " .,;:?()'+-@")


def without_consent(lead: Lead) -> Lead:
    others = {name: value for name, value in (lead.attributes or {}).items() if consent_meaning(name) is None}
    return lead.model_copy(update={"consent": None, "attributes": others})


@settings(max_examples=200, deadline=None)
@given(leads(texts))
async def test_a_normalised_lead_stays_as_it_is(lead: LeadReceived) -> None:
    event = await validated(lead)

    if isinstance(event, LeadValidated):
        again = await validated(
            LeadReceived(lead_id=event.lead_id, **event.lead.model_dump(exclude={"consent"}))
        )

        assert isinstance(again, LeadValidated)
        # Answers about consent that were kept as they came are read again, and may be answers without their neighbours.
        assert without_consent(again.lead) == without_consent(event.lead)


def test_it_is_atomic() -> None:
    good = LeadReceived(email="anna@example.com", phone="0170 1234567", country="Germany")

    assert check_atomic(validate_lead, [good, LeadReceived(email="no address")]) >= 7
