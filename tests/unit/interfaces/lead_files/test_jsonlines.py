"""Leads are read from JSON Lines, and a bad line is reported with its place."""

from __future__ import annotations

from streams.interfaces.lead_files.jsonlines import JsonLeads, text_lines
from streams.interfaces.lead_files.rows import BadLine, Row
from tests.support.lead_files import Read


def test_json_lines_are_leads_and_ce_fields_their_attributes(read: Read) -> None:
    content = b'\xef\xbb\xbf{"email":"a@example.com","ce_id":"1","ce_time":""}\r\n\n{"phone":"1","x":{"y":1}}'

    rows = read(content, "jsonl")

    assert rows == [Row(1, {"email": "a@example.com"}, {"id": "1"}), Row(3, {"phone": "1", "x": {"y": 1}})]


def test_a_bad_json_line_is_reported_with_its_place_and_its_neighbours_are_read(read: Read) -> None:
    content = b'{"email":"a@b.c"}\n  {"email" "x"}\n[1]\n{"ce_id":true}\n{"n":NaN}\n{"email":"d@e.f"}\n'

    rows = read(content, "jsonl")

    assert [(row.line, row.code if isinstance(row, BadLine) else "lead") for row in rows] == [
        (1, "lead"),
        (2, "NOT_JSON"),
        (3, "NOT_AN_OBJECT"),
        (4, "BAD_ATTRIBUTE"),
        (5, "NOT_JSON"),
        (6, "lead"),
    ]
    bad = rows[1]
    assert isinstance(bad, BadLine)
    assert bad.reason.startswith("not JSON at column 12:")


def test_a_field_that_a_table_would_know_is_kept_and_told() -> None:
    leads = JsonLeads(text_lines(['{"Email Address": "a@b.c", "phone": "1", "x": 1}\n']))

    assert list(leads.rows()) == [Row(1, {"Email Address": "a@b.c", "phone": "1", "x": 1})]
    assert leads.warnings() == [
        'the JSON field "Email Address" is kept as an attribute; if it is the email, name it so'
    ]


def test_a_time_field_becomes_the_time_of_the_lead() -> None:
    leads = JsonLeads(text_lines(['{"email": "a@b.c", "made": "2024-01-01T00:00:00Z"}']), "made")

    assert list(leads.rows()) == [
        Row(
            1,
            {"email": "a@b.c"},
            {"time": "2024-01-01T00:00:00.000000Z"},
            dated_by="2024-01-01T00:00:00Z",
        )
    ]
