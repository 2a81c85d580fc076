"""Texts are compared without what nobody sees, and keep what a script needs."""

from __future__ import annotations

import sys
from unicodedata import category

import pytest

from actions.normalise.folding import first_ignorable, fold_title, visible, without_ignorable


@pytest.mark.parametrize(
    "title",
    [
        "Email",
        "E-Mail:",
        " e_mail ",
        "e\u200bmail",
        "\uff25\uff2d\uff21\uff29\uff2c",
        "E\u00a0mail",
        "e.mail*",
    ],
)
def test_a_title_is_compared_by_its_letters_and_digits(title: str) -> None:
    assert fold_title(title) == "email"


def test_titles_that_read_otherwise_stay_apart() -> None:
    assert len({fold_title(title) for title in ("phone", "phone 2", "telefon", "télefon", "電話")}) == 5


def test_every_format_character_of_unicode_that_shows_nothing_is_found_wherever_it_stands() -> None:
    # Cf also has signs that are shown (Arabic number signs, …); of the invisible ones Unicode has a list of its own.
    shown = {
        *range(0x600, 0x606),
        0x6DD,
        0x70F,
        0x890,
        0x891,
        0x8E2,
        0x110BD,
        0x110CD,
        *range(0x13430, 0x13440),
    }
    shown |= {0xFFF9, 0xFFFA, 0xFFFB}
    invisible = [
        chr(code) for code in range(sys.maxunicode + 1) if category(chr(code)) == "Cf" and code not in shown
    ]

    assert len(invisible) > 100
    assert [each for each in invisible if first_ignorable(f"ab{each}c") != 2] == []
    assert without_ignorable("".join(invisible)) == ""


def test_joiners_stay_between_letters_whose_shape_they_change_and_nowhere_else() -> None:
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"

    assert visible(persian) == persian
    assert visible("\u200cab\u200dc\u200b") == "abc"
