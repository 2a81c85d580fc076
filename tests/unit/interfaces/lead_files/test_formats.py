"""What is no text of leads is recognised by its first bytes."""

from __future__ import annotations

import pytest

from streams.interfaces.lead_files.formats import foreign, guess_format, not_json_lines


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04...xl/workbook.xml", "an Excel workbook"),
        (b"PK\x03\x04...leads.csv", "a ZIP archive"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel"),
        (b"\x1f\x8b\x08", "compressed with gzip"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "an HTML page"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", "a vCard file"),
        (b"<?xml version='1.0'?>", "XML"),
    ],
)
def test_k1_what_is_no_text_of_leads_is_named_with_what_to_save_instead(head: bytes, what: str) -> None:
    sentence = foreign(head)

    assert sentence is not None
    assert sentence.startswith(what)
    assert "CSV" in sentence or "unpack" in sentence


@pytest.mark.parametrize("head", [b"email,name", b'{"email":"a@b.c"}', b"PKW,email\n", b"", b"Obj,email\n"])
def test_a_text_is_not_taken_for_something_else(head: bytes) -> None:
    assert foreign(head) is None


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('[{"email":"a@b.c"}]', "jq -c '.[]'"),
        ('{\n  "email": "a@b.c"\n}', "jq -c ."),
        ('{"contacts": [{"email": "a@b.c"}]}', "jq -c '.contacts[]'"),
    ],
)
def test_json_that_is_not_one_object_per_line_is_refused_with_the_way_out(text: str, advice: str) -> None:
    assert advice in (not_json_lines(text) or "")
    assert not_json_lines('{"email": "a@b.c"}\n') is None


@pytest.mark.parametrize(
    ("name", "beginning", "expected"),
    [
        ("a.CSV", "{", "csv"),
        ("a.tsv", "email", "tsv"),
        ("a.ndjson", "email,", "jsonl"),
        ("-", '\ufeff {"a":1}', "jsonl"),
        ("-", "email,name", "csv"),
    ],
)
def test_the_format_follows_from_the_name_else_from_the_beginning(
    name: str, beginning: str, expected: str
) -> None:
    assert guess_format(name, beginning) == expected
