"""Text is split into lines at LF, CR LF and CR, and nowhere else."""

from __future__ import annotations

import pytest

from streams.interfaces.lead_files.splitting import LONGEST_LINE, lines_of


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_end_at_the_three_line_ends_wherever_a_piece_ends(size: int) -> None:
    text = "a\r\nb\rc\nd\u2028e\x0bf\r\n\r\ng"

    blocks = lines_of(text[at : at + size] for at in range(0, len(text), size))

    assert [line for block in blocks for line in block or []] == [
        "a\r\n", "b\r", "c\n", "d\u2028e\x0bf\r\n", "\r\n", "g",
    ]  # fmt: skip


def test_a_line_that_is_too_long_becomes_none_and_its_neighbours_are_read() -> None:
    pieces = ["a\n", *["x" * (LONGEST_LINE // 2 + 1)] * 3, "\r", "\nb\n", "c"]

    assert list(lines_of(pieces)) == [["a\n"], None, ["b\n"], ["c"]]
