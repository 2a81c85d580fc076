"""Everything that a lead says about consent is one answer: any no is no, and what is not understood is no yes."""

from __future__ import annotations

import pytest

from actions.normalise.lead import read_lead
from topics.events import Consent, LeadReceived

RECORDED, LATEST = "2026-11-24T00:00:00.000000Z", "2026-11-24T01:00:00.000000Z"


def read(**fields: object) -> tuple[Consent | None, dict[str, object], list[str]]:
    received = LeadReceived.model_validate(
        {"email": "a@example.com"} | {name: value for name, value in fields.items() if name != "consent"}
    )
    if "consent" in fields:
        received.extras["consent"] = fields["consent"]
    lead, _, notes = read_lead(received, "DE", recorded=RECORDED, latest=LATEST)
    return lead.consent, dict(lead.attributes), [f"{note.field} {note.code}" for note in notes]


@pytest.mark.parametrize(
    "field",
    [
        {"Email Opt Out": "true"},
        {"HasOptedOutOfEmail": True},
        {"doNotEmail": 1},
        {"Unsubscribed from all email": "Yes"},
        {"email_marketing_status": "unsubscribed"},
        {"Email Opt Out": "2026-11-20"},
        {"UNSUB_TIME": "2026-11-20 10:00:00"},
        {"Accepts Email Marketing": "no"},
        {"Newsletter abgemeldet": "ja"},
        {"consent": {"marketing": "nein"}},
        {"consent": False},
        {"consent": {"marketing": True}, "Email Opt Out": "x"},
        {"attributes": {"optout": "1"}},
    ],
)
def test_any_sort_of_no_is_no(field: dict[str, object]) -> None:
    consent, attributes, _ = read(**field)

    assert consent is not None
    assert (consent.marketing, attributes) == (False, {})


@pytest.mark.parametrize(
    "word", ["on", "Opted-in", "checked", "x", "ja", "oui", "sí", "WAHR", "1.0", "YES ", True, 1, "✓", "да"]
)
def test_a_yes_is_read_from_the_words_of_the_table(word: object) -> None:
    consent, _, notes = read(consent={"marketing": word})

    assert (consent, notes) == (Consent(marketing=True, time=RECORDED), [])


@pytest.mark.parametrize("word", ["maybe", "sometimes", 2, "subscribed?", ["yes"]])
def test_an_answer_that_is_not_understood_is_not_given_kept_and_noted(word: object) -> None:
    consent, attributes, notes = read(consent={"marketing": word})

    assert consent is None
    assert list(attributes) == ["consent.marketing"]
    assert "consent.marketing CONSENT_UNKNOWN" in notes


def test_who_did_not_opt_out_has_not_opted_in() -> None:
    assert read(**{"Email Opt Out": "false"}) == (None, {}, [])
    assert read(**{"Email Opt Out": ""}) == (None, {}, [])


@pytest.mark.parametrize(
    "title", ["Email opt out reason", "SMS opt out", "Consent manager", "Opt out of phone calls"]
)
def test_a_title_counts_as_a_whole(title: str) -> None:
    consent, attributes, _ = read(**{title: "true"})

    assert (consent, attributes) == (None, {title: "true"})


def test_an_answer_is_dated_by_its_own_time_else_by_when_it_was_recorded() -> None:
    assert read(**{"Email Opt Out": "true", "unsub_time": "2026-11-20T10:00:00Z"})[0] == Consent(
        marketing=False, time="2026-11-20T10:00:00.000000Z"
    )
    assert read(Newsletter="yes", unsub_time="2026-11-20T10:00:00Z")[0] == Consent(
        marketing=True, time=RECORDED
    )
    assert read(consent={"marketing": True, "time": "2026-11-20T10:00:00Z"})[0] == Consent(
        marketing=True, time="2026-11-20T10:00:00.000000Z"
    )


def test_a_time_in_the_future_is_replaced_and_noted() -> None:
    consent, _, notes = read(consent={"marketing": False, "time": "2062-01-01T00:00:00Z"})

    assert (consent, notes) == (Consent(marketing=False, time=LATEST), ["consent.time TIME_IN_FUTURE"])
