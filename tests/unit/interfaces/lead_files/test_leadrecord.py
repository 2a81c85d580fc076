"""The record of a lead from a file, above all that its id is the same next time."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.interfaces.lead_files.leadrecord import LeadRecords
from streams.interfaces.lead_files.rows import BadLine, Row
from topics.registry import TopicNames

BEGAN = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)


def records(source: str = "/cli/leads.csv", began: datetime = BEGAN) -> LeadRecords:
    return LeadRecords(TopicNames("t."), source, began)


def headers_of(row: Row, of: LeadRecords | None = None) -> dict[str, str]:
    made = (of or records()).make(row)
    assert not isinstance(made, BadLine), made
    return {name: (value or b"").decode() for name, value in made[0].headers}


def test_a_lead_becomes_a_binary_cloudevent_keyed_by_its_id() -> None:
    made = records().make(
        Row(1, {"lead_id": "l1", "email": "a@example.com"}, {"id": "7", "origin": "import"})
    )

    assert not isinstance(made, BadLine)
    record = made[0]
    assert (record.topic, record.key) == ("t.leads.received.v1", b"l1")
    assert record.value == b'{"lead_id":"l1","email":"a@example.com"}'
    assert record.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"7"),
        ("ce_source", b"/cli/leads.csv"),
        ("ce_type", b"crm.lead.received.v1"),
        ("ce_subject", b"lead/l1"),
        ("ce_time", b"2026-11-23T20:15:00.000001Z"),
        ("content-type", b"application/json"),
        ("ce_origin", b"import"),
    ]


def test_the_same_row_gets_the_same_id_wherever_it_stands_and_whenever_it_is_read() -> None:
    lead = {"lead_id": "l1", "email": "a@example.com", "attributes": {"a": 1, "b": 2}}
    same = {"attributes": {"b": 2, "a": 1}, "email": "a@example.com", "lead_id": "l1"}

    first = headers_of(Row(1, lead))
    again = headers_of(Row(99, same), records(began=datetime.now(UTC)))

    assert first["ce_id"] == again["ce_id"]


def test_an_edited_row_and_another_source_get_ids_of_their_own() -> None:
    # One id with other content would be a dead letter ID_REUSED instead of an update.
    lead = {"lead_id": "l1", "email": "a@example.com"}

    ids = {
        headers_of(Row(1, lead))["ce_id"],
        headers_of(Row(1, lead | {"email": "b@example.com"}))["ce_id"],
        headers_of(Row(1, lead), records("/other"))["ce_id"],
    }

    assert len(ids) == 3


def test_a_later_row_counts_as_later() -> None:
    both = records()

    times = [headers_of(Row(line, {"email": "a@example.com"}), both)["ce_time"] for line in (1, 2)]

    assert times[0] < times[1]


def test_a_row_with_its_own_time_says_when_it_was_published_and_its_id_does_not() -> None:
    row = Row(1, {"email": "a@example.com"}, {"time": "2024-01-01T00:00:00Z"})

    now, later = headers_of(row), headers_of(row, records(began=datetime(2027, 1, 1, tzinfo=UTC)))

    assert (now["ce_time"], now["ce_recordedtime"]) == ("2024-01-01T00:00:00Z", "2026-11-23T20:15:00.000000Z")
    assert (later["ce_recordedtime"], later["ce_id"]) == ("2027-01-01T00:00:00.000000Z", now["ce_id"])
    assert "ce_recordedtime" not in headers_of(Row(1, {"email": "a@example.com"}))


def test_two_answers_of_one_person_are_two_events_when_a_column_dates_them() -> None:
    lead = {"email": "a@example.com"}
    rows = [
        Row(1, lead, {"time": f"{year}-01-01T00:00:00.000000Z"}, dated_by=f"{year}-01-01T00:00:00Z")
        for year in (2024, 2025)
    ]

    assert len({headers_of(row)["ce_id"] for row in rows}) == 2


def test_the_ids_of_files_that_were_published_by_an_earlier_build_stay() -> None:
    lead = {"email": "a@example.com", "consent": {"marketing": True}, "attributes": {"Campaign": "spring"}}

    assert headers_of(Row(2, lead))["ce_id"] == "97108606-e30c-5388-ae4b-2f4022644aa8"


def test_what_would_be_a_dead_letter_is_not_published_and_its_place_is_reported_without_the_value() -> None:
    rows = [
        (Row(1, {"lead_id": "x" * 501}), "TOO_LONG", "lead_id"),
        (Row(2, {"name": "a\x01secret"}), "CONTROL_CHARACTER", "name"),
        (Row(3, {"n": 2**60}), "NUMBER_OUT_OF_RANGE", "n"),
        (Row(4, {"m": "x" * 300_000}), "TOO_LARGE", "300"),
        (Row(5, {}, {"time": "yesterday"}), "BAD_ATTRIBUTE", "ce_time"),
        (Row(6, {}, {"type": "other"}), "UNKNOWN_TYPE", "other"),
    ]

    for row, code, place in rows:
        made = records().make(row)
        assert isinstance(made, BadLine)
        assert (made.line, made.code) == (row.line, code)
        assert place in made.reason
        assert "secret" not in made.reason
