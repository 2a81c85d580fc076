"""The encoding is decided about the whole file."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest

from streams.interfaces.lead_files.encoding import UndecodableError, decide, texts
from streams.interfaces.lead_files.source import LeadFileError, Source

Make = Callable[[bytes], Source]


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (codecs.BOM_UTF16_LE + "Zoë\n".encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "Zoë\n".encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + "Zoë\n".encode("utf-32-le"), "utf-32-le"),
        (codecs.BOM_UTF8 * 2 + "Zoë\n".encode(), "UTF-8"),
        ("ï»¿Zoë\n".encode(), "UTF-8"),
    ],
)
def test_k4_byte_order_marks_decide_and_all_of_them_are_skipped(
    source_of_bytes: Make, content: bytes, label: str
) -> None:
    source = source_of_bytes(content)

    encoding = decide(source, None)

    assert (encoding.label, "".join(texts(source, encoding))) == (label, "Zoë\n")


@pytest.mark.parametrize("before", [0, (1 << 16) - 1, 300_000])
def test_the_first_byte_that_cannot_be_decoded_is_named_wherever_it_is(
    source_of_bytes: Make, before: int
) -> None:
    good = b"a" * before + "é".encode() + b"\r\n\r"

    with pytest.raises(UndecodableError) as refused:
        decide(source_of_bytes(good + b"Zo\xeb,K\xf6ln,J\xfcrgen,Stra\xdfe\n"), None)

    place = refused.value.place
    assert (place.byte, place.line, place.before) == (len(good) + 3, 3, "Zo")


def test_k2_the_likely_encoding_is_named(source_of_bytes: Make) -> None:
    german = "Zoë,Köln,Jürgen,Straße\n".encode("cp1252")
    russian = "Москва,Привет,Иван Петров\n".encode("cp1251")

    likely = []
    for content in (german, russian):
        with pytest.raises(UndecodableError) as refused:
            decide(source_of_bytes(content), None)
        likely.append(refused.value.likely[0])

    assert likely == ["windows-1252", "windows-1251"]


def test_an_encoding_that_is_given_is_used_checked_and_doubted(source_of_bytes: Make) -> None:
    utf8 = source_of_bytes("Zoë".encode())
    assert "misreads" in (decide(utf8, "windows-1252").warning or "")

    with pytest.raises(UndecodableError):
        decide(source_of_bytes(b"\x81\xff"), "windows-1252")
    with pytest.raises(LeadFileError, match="is no encoding"):
        decide(utf8, "klingon")
    with pytest.raises(LeadFileError, match="byte order mark"):
        decide(source_of_bytes("\ufeffx".encode("utf-16-le")), "windows-1252")
    with pytest.raises(LeadFileError, match="--encoding utf-16-le"):
        decide(source_of_bytes("email,name\n".encode("utf-16-le")), None)
