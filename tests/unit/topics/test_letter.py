"""Holds the dead letter's headers to the public contract."""

from __future__ import annotations

import dataclasses

import pytest

from topics.letter import PREFIX, DeadLetter, LetterError, without_letter

LETTER = DeadLetter(
    topic="crm.leads.received.v1",
    partition=3,
    offset=17,
    timestamp=1_700_000_000_000,
    group="leads",
    delivery_count=3,
    message="the mail server cannot be reached",
    id="0b8f3a3e-8a59-5a3c-9d0e-0d5a6f6f2f11",
    generation=1,
    time="2026-11-23T09:00:00.000000Z",
    first_time="2026-11-23T08:00:00.000000Z",
    action="send-welcome-email",
    action_version=1,
    stage="execute",
    failure_class="transient",
    code="SMTP_UNREACHABLE",
    fingerprint="0123456789ab",
    next_attempt="2026-11-23T09:02:00.000000Z",
    app_version="0.1.0",
)
ALWAYS = (
    "topic partition offset timestamp group delivery.count message version id generation time first.time action "
    "action.version stage class code fingerprint app.version"
)


def test_a_letter_has_what_the_contract_names_and_is_read_back() -> None:
    headers = LETTER.headers()

    names = {name.removeprefix(PREFIX) for name, _ in headers}
    assert names == {*ALWAYS.split(), "next.attempt"}
    assert DeadLetter.from_headers([("other", None), *headers]) == LETTER


def test_the_original_headers_come_back_in_order_with_duplicates_and_nulls() -> None:
    original = [("b", b"1"), ("a", None), ("b", b"2")]

    assert without_letter([*original, *LETTER.headers()]) == original


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("id", b"42"),
        ("id", b"\xff"),
        ("offset", b"1.5"),
        ("code", b"drop table"),
        ("stage", b"lunch"),
        ("class", b"odd"),
        ("version", b"2"),
        ("time", b"soon"),
        ("time", b"2026-11-23T20:15:00+05:00"),
        ("first.time", b"0001-01-01T00:00:00Z"),
        ("next.attempt", b"9999-12-31T23:59:59.999999Z"),
        ("action", b"../../etc"),
        ("fingerprint", b"xyz"),
        ("app.version", b"1\x00"),
        ("topic", b"a/b"),
        ("group", b"x" * 4097),
    ],
)
def test_headers_that_are_no_letters_are_refused_by_name(header: str, value: bytes) -> None:
    headers = [(name, value if name == PREFIX + header else old) for name, old in LETTER.headers()]

    with pytest.raises(LetterError, match=PREFIX + header):
        DeadLetter.from_headers(headers)


@pytest.mark.parametrize("header", ALWAYS.split())
def test_a_letter_without_one_of_its_headers_is_none(header: str) -> None:
    headers = [(name, value) for name, value in LETTER.headers() if name != PREFIX + header]

    with pytest.raises(LetterError, match=PREFIX + header):
        DeadLetter.from_headers(headers)


def test_every_field_has_a_header_of_its_own() -> None:
    full = dataclasses.replace(
        LETTER,
        value_sha256="0" * 64,
        replay_job="j",
        edit_sha256="1" * 64,
        exception="E",
        stacktrace="s",
        edit_number=1,
        stale="run",
    )

    assert len({name for name, _ in full.headers()}) == len(dataclasses.fields(DeadLetter))
