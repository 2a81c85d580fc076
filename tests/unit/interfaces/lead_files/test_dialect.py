"""Separator and header are found in the first rows."""

from __future__ import annotations

import pytest

from streams.interfaces.lead_files.dialect import find_dialect, separator_of
from streams.interfaces.lead_files.source import LeadFileError


@pytest.mark.parametrize(
    ("head", "separator"),
    [
        ('E-Mail;Vorname;"Interessen (A, B, C)"\na@b.c;Ada;"x, y"\n', ";"),
        ("Email\tName\na@b.c\tLovelace, Ada\n", "\t"),
        ("email|name\na@b.c|Ada\n", "|"),
        ("email\na@b.c\n", ","),
        ('email,"a;b;c;d;e"\na@b.c,x\n', ","),
        ("Kontakt;Ort, Land;x\na@b.c;Ulm, DE;1\nb@b.c;Bonn;2\n", ";"),
    ],
)
def test_k3_the_separator_is_counted_outside_quotes_and_over_several_rows(head: str, separator: str) -> None:
    assert find_dialect(head, ",", None).separator == separator


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\n\nsep=;\n"])
def test_k4_the_separator_line_is_obeyed_and_no_header(first: str) -> None:
    dialect = find_dialect(f"{first}email;na,me\na@b.c;Ada\n", ",", None)

    assert (dialect.separator, dialect.header and dialect.header[1]) == (";", ["email", "na,me"])


def test_a_separator_that_is_given_is_obeyed() -> None:
    assert find_dialect("email;x,phone\n", ",", ",").header == (1, ["email;x", "phone"])
    assert [separator_of(given) for given in ("tab", "\\t", ";", "pipe")] == ["\t", "\t", ";", "|"]
    for wrong in ("", ";;", '"', "a"):
        with pytest.raises(LeadFileError, match="--delimiter"):
            separator_of(wrong)


def test_the_header_is_found_below_titles_and_a_row_of_data_is_none() -> None:
    report = "Lead report,,\nJan - Feb,,\n,,\nEmail,Phone,City\na@b.c,1,Ulm\n"
    data = "Nombre,Contacto,Tipo\nAda,ada@b.c,Mobile\n"

    found, without = find_dialect(report, ",", None), find_dialect(data, ",", None)

    assert (found.header, found.before) == ((4, ["Email", "Phone", "City"]), 2)
    assert without.header == (1, ["Nombre", "Contacto", "Tipo"])
