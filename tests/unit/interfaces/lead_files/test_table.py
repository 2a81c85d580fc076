"""Rows of separated text are read, and an unclosed quote costs one line."""

from __future__ import annotations

import csv
import io
import re
import time
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.interfaces.lead_files.rows import BadLine
from streams.interfaces.lead_files.table import Record, Table


def read(text: str, width: int | None = None, piece: int = 1 << 16) -> list[Record | BadLine]:
    table = Table((text[at : at + piece] for at in range(0, len(text), piece)), ",")
    table.width = width
    return list(table)


def places(rows: list[Record | BadLine]) -> list[tuple[int, str]]:
    return [(row.line, row.code) if isinstance(row, BadLine) else (row[0], "row") for row in rows]


CELL = st.lists(st.sampled_from(["a", " ", ",", '"', "\r\n", "é", "\u2028", ',"', '""']), max_size=6).map(
    "".join
)


@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=6),
    piece=st.integers(1, 9),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_python_writes_is_read_as_it_was(
    rows: list[list[str]], piece: int, quoting: Literal[0, 1]
) -> None:
    # A cell that begins with a blank and a quote is what a blank before a quote looks like.
    assume(not any(re.match(' +"', cell) for row in rows for cell in row))
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting).writerows(rows)

    read_back = read(file.getvalue(), width=3, piece=piece)

    assert [cells for _, cells in (row for row in read_back if not isinstance(row, BadLine))] == [
        row for row in rows if any(row)
    ]


@pytest.mark.parametrize("bad", ['"e@b.c,Eve', '"a"b,c', 'x,"open'])
@pytest.mark.parametrize("good", ["g@b.c,Good", 'g@b.c,"Good, indeed"'])
def test_k8_after_an_unclosed_quote_reading_goes_on_at_the_next_line(bad: str, good: str) -> None:
    rows = read(f"f@b.c,First\n{bad}\n" + f"{good}\n" * 100_000, width=2)

    assert places(rows[:3]) == [(1, "row"), (2, "NOT_CSV"), (3, "row")]
    assert len(rows) == 100_002
    reason = rows[1].reason if isinstance(rows[1], BadLine) else ""
    assert "1 line is left out, reading goes on at line 3" in reason


def test_many_unclosed_quotes_do_not_take_quadratic_time() -> None:
    began = time.process_time()

    rows = read('x",y,"z\n' * 20_000 + "a,b,c\n", width=3)

    assert rows[-1] == (20_001, ["a", "b", "c"])
    assert time.process_time() - began < 20


def test_an_unclosed_quote_that_a_later_sign_closes_does_not_swallow_rows() -> None:
    rows = read('"a@b.c,Ada,Bonn\nb@b.c,Bob,Ulm\nc@b.c,5",x\nd@b.c,Dan,Kiel\n', width=3)

    assert places(rows) == [(1, "NOT_CSV"), (2, "row"), (3, "row"), (4, "row")]


@pytest.mark.parametrize("piece", [7, 1 << 16])
def test_a_cell_of_many_lines_is_read_whole(piece: int) -> None:
    message = "\r\n".join(f"line {number}, with a comma" for number in range(2_000))

    rows = read(f'a@b.c,"{message}",x\nb@b.c,,y\n', width=3, piece=piece)

    assert rows == [(1, ["a@b.c", message, "x"]), (2_001, ["b@b.c", "", "y"])]


def test_k9_the_blank_before_a_quote_is_skipped_and_other_blanks_stay() -> None:
    rows = read('ada@b.c, "Acme, Inc", Bonn\nbob@b.c, Acme\n"say, ""hi""",x\n')

    assert rows == [
        (1, ["ada@b.c", "Acme, Inc", "Bonn"]),
        (2, ["bob@b.c", " Acme"]),
        (3, ['say, "hi"', "x"]),
    ]


def test_a_line_that_is_too_long_is_counted_and_not_kept() -> None:
    rows = read("a@b.c\n" + "x" * (3 << 20) + "\nb@b.c\n")

    assert places(rows) == [(1, "row"), (2, "TOO_LARGE"), (3, "row")]
