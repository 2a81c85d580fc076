"""Leads are read from JSON Lines and CSV, and a bad line is reported with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.interfaces.lead_files.leadfile import (
    BadLine,
    LeadFileError,
    Row,
    guess_format,
)
from streams.interfaces.lead_files.lines import InputError, open_input
from tests.support.lead_files import Read


def test_json_lines_are_leads_and_ce_fields_their_attributes(read: Read) -> None:
    content = b'\xef\xbb\xbf{"email":"a@example.com","ce_id":"1","ce_time":""}\r\n\n{"phone":"1","x":{"y":1}}'

    rows = read(content, "jsonl")

    assert rows == [Row(1, {"email": "a@example.com"}, {"id": "1"}), Row(3, {"phone": "1", "x": {"y": 1}})]


def test_a_bad_json_line_is_reported_with_its_place_and_its_neighbours_are_read(read: Read) -> None:
    content = (
        b'{"email":"a@b.c"}\n  {"email" "x"}\n\xff{}\n[1]\n{"ce_id":true}\n{"n":NaN}\n{"email":"d@e.f"}\n'
    )

    rows = read(content, "jsonl")

    assert [(row.line, row.code if isinstance(row, BadLine) else "lead") for row in rows] == [
        (1, "lead"),
        (2, "NOT_JSON"),
        (3, "NOT_UTF8"),
        (4, "NOT_AN_OBJECT"),
        (5, "BAD_ATTRIBUTE"),
        (6, "NOT_JSON"),
        (7, "lead"),
    ]
    bad = rows[1]
    assert isinstance(bad, BadLine)
    assert bad.reason.startswith("not JSON at column 12:")


def test_one_json_array_is_refused_with_the_way_out(read: Read) -> None:
    with pytest.raises(LeadFileError, match="one object per line"):
        read(b'[\n{"email":"a@b.c"}\n]', "jsonl")


def test_csv_columns_go_where_they_belong_in_any_spelling(read: Read) -> None:
    content = (
        "\ufeffE-Mail;First Name;Campaign;consent.marketing;consent.text;attributes.Seats;ce_time\r\n"
        'jürg@example.com;"Jürg; ""J""";spring;yes;"two\nlines";3;2026-01-02T03:04:05Z\r\n'
        ";;;;;;\r\n"
        "eva@example.com;Eva\r\n"
    ).encode()

    rows = read(content, "csv")

    assert rows == [
        Row(
            2,
            {
                "email": "jürg@example.com",
                "first_name": 'Jürg; "J"',
                "consent": {"marketing": True, "text": "two\nlines"},
                "attributes": {"Campaign": "spring", "Seats": "3"},
            },
            {"time": "2026-01-02T03:04:05Z"},
        ),
        Row(5, {"email": "eva@example.com", "first_name": "Eva"}),
    ]


def test_a_bad_csv_row_is_reported_with_line_and_column(read: Read) -> None:
    content = b'email,name,consent.marketing\na@b.c,A,maybe\nb@b.c,B\xff,\nc@b.c,C,,,\nd@b.c,D,no\n"e@b.c,E\nf@b.c,F,\n'

    rows = read(content, "csv")

    assert [(row.line, row.code if isinstance(row, BadLine) else "lead") for row in rows] == [
        (2, "WRONG_TYPE"),
        (3, "NOT_UTF8"),
        (4, "NOT_CSV"),
        (5, "lead"),
        (6, "NOT_CSV"),
    ]
    reasons = [row.reason for row in rows if isinstance(row, BadLine)]
    assert reasons[:2] == [
        "consent.marketing: must be true or false",
        "column 2 (name): not UTF-8 at character 2",
    ]
    assert "from here to line 7" in reasons[3]


@pytest.mark.parametrize(
    ("header", "message"),
    [(b"name,city\nA,B\n", "neither email nor phone"), (b"email,Email\na,b\n", "names email twice")],
)
def test_a_csv_that_cannot_be_leads_is_refused_at_its_header(read: Read, header: bytes, message: str) -> None:
    with pytest.raises(LeadFileError, match=message):
        read(header, "csv")


@pytest.mark.parametrize(
    ("name", "beginning", "expected"),
    [
        ("a.CSV", b"{", "csv"),
        ("a.ndjson", b"email,", "jsonl"),
        ("-", b'\xef\xbb\xbf {"a":1}', "jsonl"),
        ("-", b"email,name", "csv"),
    ],
)
def test_the_format_follows_from_the_name_else_from_the_beginning(
    name: str, beginning: bytes, expected: str
) -> None:
    assert guess_format(name, beginning) == expected


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=str(path)):
            open_input(str(path))
