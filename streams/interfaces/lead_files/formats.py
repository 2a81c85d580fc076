"""Recognises files that are no text of leads by their first bytes, and says what to save instead."""

from __future__ import annotations

import re
from typing import Literal

import orjson

Format = Literal["jsonl", "csv", "tsv"]

_AS_CSV = "save it as CSV (UTF-8) and publish that"
_UNPACK = "unpack it first and publish the file inside"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an old Excel or Office document (.xls); open it and {_AS_CSV}"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first: gunzip -c FILE | leads publish -"),
    (b"BZh", "compressed with bzip2; unpack it first: bunzip2 -c FILE | leads publish -"),
    (b"\xfd7zXZ\x00", "compressed with xz; unpack it first: xz -dc FILE | leads publish -"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first: zstd -dc FILE | leads publish -"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive; {_UNPACK}"),
    (b"Rar!\x1a\x07", f"a RAR archive; {_UNPACK}"),
    (b"%PDF-", "a PDF; export the table behind it as CSV (UTF-8) and publish that"),
    (b"{\\rtf", f"an RTF document; open it and {_AS_CSV}"),
    (b"SQLite format 3\x00", "an SQLite database; export the table as CSV and publish that"),
    (b"\x00\x01\x00\x00Standard ", "an Access database; export the table as CSV (UTF-8) and publish that"),
    (b"PAR1", "a Parquet file; write it as CSV or JSON Lines and publish that"),
    (b"Obj\x01", "an Avro file; write it as JSON Lines and publish that"),
    (b"ORC", "an ORC file; write it as CSV or JSON Lines and publish that"),
    (b"bplist00", "an Apple property list; export the leads as CSV (UTF-8) and publish that"),
    (b"\x89PNG", "a picture; publish the table as CSV (UTF-8)"),
    (b"\xff\xd8\xff", "a picture; publish the table as CSV (UTF-8)"),
    (b"GIF8", "a picture; publish the table as CSV (UTF-8)"),
)
_TEXT: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"(?i)BEGIN:VCARD"),
        "a vCard file; import it into an address book and export that as CSV (UTF-8)",
    ),
    (re.compile(rb"(?i)BEGIN:VCALENDAR"), "a calendar; export the leads as CSV (UTF-8) and publish that"),
    (re.compile(rb"(?i)<(\?xml|Workbook)\b"), f"XML; open it in a spreadsheet and {_AS_CSV}"),
    (
        re.compile(rb"(?i)<(!doctype|html|head|meta|body|table|style|script|div|tr)\b|<!--"),
        f"an HTML page (some programs name such a table .xls); open it in a spreadsheet and {_AS_CSV}",
    ),
    (re.compile(rb"(?i)(version: 1\s+)?dn:{1,2} "), "an LDIF file; export the address book as CSV (UTF-8)"),
)
_INSIDE_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"xl/", f"an Excel workbook (.xlsx); open it and {_AS_CSV}"),
    (b"opendocument.spreadsheet", f"an OpenDocument spreadsheet (.ods); open it and {_AS_CSV}"),
    (b"Index/", f"a Numbers or Pages document; open it and {_AS_CSV}"),
    (b"word/", f"a Word document; copy its table into a spreadsheet and {_AS_CSV}"),
)
_BOMS = re.compile(rb"(?:\xef\xbb\xbf)+")


def foreign(head: bytes) -> str | None:
    """Return what the file is and what to save instead, when its first bytes show that it is no text of leads."""
    for magic, sentence in _MAGIC:
        if head.startswith(magic):
            return sentence
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return next((said for mark, said in _INSIDE_ZIP if mark in head), f"a ZIP archive; {_UNPACK}")
    beginning = _BOMS.sub(b"", head[:1024], count=1).lstrip()
    return next((sentence for pattern, sentence in _TEXT if pattern.match(beginning)), None)


def not_json_lines(text: str) -> str | None:
    """Return why a text that begins with JSON is not one object per line; None when it may be."""
    stripped = text.lstrip()
    if stripped.startswith("["):
        return "one JSON array; write one object per line: jq -c '.[]' FILE"
    first = stripped.partition("\n")[0].rstrip()
    if first.startswith("{") and first.endswith(("{", "[", ",")) and "\n" in stripped:
        return "JSON over several lines; write one object per line: jq -c . FILE"
    if first.startswith("{"):
        try:
            parsed = orjson.loads(first)
        except orjson.JSONDecodeError:
            return None
        lists = [name for name, value in parsed.items() if _is_list_of_objects(value)]
        if len(lists) == 1 and not {"email", "phone"} & parsed.keys() and not stripped[len(first) :].strip():
            return (
                f"one JSON object around its leads; write one lead per line: jq -c '.{lists[0][:60]}[]' FILE"
            )
    return None


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def guess_format(name: str, beginning: str) -> Format:
    """Return the format by the file's suffix, or by its first characters when the suffix is unknown."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("csv", "tsv"):
        return "csv" if suffix == "csv" else "tsv"
    if suffix in ("jsonl", "ndjson", "json"):
        return "jsonl"
    return "jsonl" if beginning.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "") else "csv"
