"""A file of leads is opened, judged as a whole, and read."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from streams.interfaces.lead_files.leadfile import (
    BadLine,
    LeadFile,
    LeadFileError,
    Options,
    Row,
    follow_leads,
)
from streams.interfaces.lead_files.lines import Lines
from tests.support.lead_files import Read

Open = Callable[..., LeadFile]


def leads_of(file: LeadFile) -> list[dict[str, object]]:
    return [row.lead for row in file if isinstance(row, Row)]


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


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_k1_marked_encodings_and_all_line_ends_are_read(opened: Open, codec: str, end: str) -> None:
    file = opened(f"email\tname{end}ada@example.com\tZoë{end}".encode(codec), "Unicode Text.txt")

    assert leads_of(file) == [{"email": "ada@example.com", "name": "Zoë"}]
    assert file.report.separator == "tab"


def test_k2_one_letter_that_is_not_utf8_refuses_the_whole_file_and_names_the_encoding(opened: Open) -> None:
    content = "email,Vorname,Ort\na@example.com,Zoë,Köln\nb@example.com,Jürgen,Düsseldorf\n".encode("cp1252")

    with pytest.raises(LeadFileError) as refused:
        opened(content)

    assert 'byte 35 (line 2, column 2 "Vorname")' in str(refused.value)
    assert "--encoding windows-1252" in str(refused.value)
    assert leads_of(opened(content, encoding="windows-1252"))[0]["first_name"] == "Zoë"


def test_k5_blank_lines_are_skipped_and_a_file_without_a_lead_is_known_by_its_header(opened: Open) -> None:
    assert leads_of(opened("\n\r\n \nemail,name\n\nada@example.com,\n")) == [{"email": "ada@example.com"}]
    assert list(opened("email,name\n")) == []
    assert opened("\n\n").report.header_line is None


def test_k6_a_line_break_in_a_quoted_title_does_not_cut_the_header(opened: Open) -> None:
    file = opened('email,"What do you need?\nTell us",phone\nada@example.com,a demo,+49301234567\n')

    assert list(file) == [
        Row(
            3,
            {
                "email": "ada@example.com",
                "phone": "+49301234567",
                "attributes": {"What do you need?\nTell us": "a demo"},
            },
        )
    ]


def test_the_column_of_the_header_is_told_with_what_stands_before_it(opened: Open) -> None:
    file = opened(
        "Lead form report,,\n1 Jan - 31 Jan,,\n\nUser Email,FULL_NAME,Create Date\na@example.com,Ada,x\n"
    )

    assert leads_of(file) == [
        {"email": "a@example.com", "name": "Ada", "attributes": {"Create Date": "x"}},
    ]
    assert file.report.header_line == 4
    assert file.warnings()[0] == "the header is in line 4; 2 rows before it left out"
    assert '--time-column "Create Date"' in file.warnings()[1]


def test_a_row_takes_its_time_from_the_time_column_and_one_that_cannot_be_read_is_told(opened: Open) -> None:
    content = "email,created_time\na@example.com,2024-03-01T10:00:00+0100\nb@example.com,01/03/24\n"

    file = opened(content, time_column="Created time")
    first, second = file

    assert first == Row(
        2,
        {"email": "a@example.com"},
        {"time": "2024-03-01T09:00:00.000000Z"},
        dated_by="2024-03-01T10:00:00+0100",
    )
    assert isinstance(second, Row)
    assert (second.lead["attributes"], second.attributes) == ({"created_time": "01/03/24"}, {})
    assert [column.target for column in file.report.columns] == ["email", "ce_time"]
    assert [(note.field, note.code) for note in second.notes] == [("created_time", "TIME_INVALID")]


def test_a_file_that_is_stopped_gives_no_half_row(opened: Open) -> None:
    file = opened("email,name\n" + "ada@example.com,Ada\n" * 20_000)
    rows = iter(file)
    next(rows)

    file.stop()

    assert all(row == Row(row.line, {"email": "ada@example.com", "name": "Ada"}) for row in rows)


def test_a_pipe_is_followed_line_by_line_and_only_json_lines_are() -> None:
    reading, writing = os.pipe()
    os.write(writing, b'\xef\xbb\xbf{"email":"a@example.com"}\n\xff{}\n')
    rows = iter(follow_leads(Lines(reading), Options()))

    assert next(rows) == Row(1, {"email": "a@example.com"})
    bad = next(rows)
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.code) == (2, "NOT_UTF8")
    with pytest.raises(LeadFileError, match="--follow"):
        follow_leads(Lines(reading), Options(format="csv"))
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04..xl/workbook.xml", "an Excel workbook"),
        (b'[\n{"email":"a@b.c"}\n]', "one object per line"),
        (b"name,city\nA,B\n", "neither email nor phone"),
        (b"email,Email\na,b\n", "names email twice"),
    ],
)
def test_a_file_that_cannot_be_leads_is_refused_before_its_first_lead(
    opened: Open, content: bytes, message: str
) -> None:
    with pytest.raises(LeadFileError, match=message):
        opened(content, "leads")
