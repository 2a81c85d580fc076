"""How texts are tidied, and their longest lengths."""

from __future__ import annotations

import pytest

from actions.normalise.refused import Refused
from actions.normalise.text import LINE_LENGTH, MESSAGE_LENGTH, WEBSITE_LENGTH, block, line, website


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada \t\n Lovelace ", "Ada Lovelace"),
        ("Zoe\u0308  K.", "Zo\u00eb K."),
        ("\u3000\u00a0", None),
        ("", None),
    ],
)
def test_a_line_is_trimmed_composed_and_without_runs_of_spaces(typed: str, kept: str | None) -> None:
    assert line(typed) == kept


def test_a_block_keeps_its_line_breaks() -> None:
    assert block("  one\n\n two\u0308 \n") == "one\n\n tw\u00f6"
    assert block(" \n ") is None


def test_lengths_are_counted_after_tidying() -> None:
    assert line("x" * LINE_LENGTH + " " * 50) == "x" * LINE_LENGTH
    assert len(website("x" * WEBSITE_LENGTH) or "") == WEBSITE_LENGTH
    for read, longest in ((line, LINE_LENGTH), (website, WEBSITE_LENGTH), (block, MESSAGE_LENGTH)):
        with pytest.raises(Refused, match=f"{longest + 1} characters; at most {longest} are allowed"):
            read("x" * (longest + 1))
