"""The published tables of words and titles agree with themselves; what they say of a person is in test_answers.py."""

from __future__ import annotations

import pytest

from actions.normalise.consent import (
    NO,
    TITLES,
    YES,
    consent_meaning,
    consent_role,
    read_answer,
    read_opt_out,
)
from actions.normalise.folding import fold_title


def test_no_word_is_both_a_yes_and_a_no_and_each_is_read_as_its_table_says() -> None:
    assert set() == YES & NO
    assert {read_answer(word.upper()) for word in YES} == {True}
    assert {read_answer(f" {word} ") for word in NO} == {False}


def test_no_title_has_two_meanings() -> None:
    meanings: dict[str, set[str]] = {}
    for meaning, titles in TITLES.items():
        for title in titles:
            meanings.setdefault(fold_title(title), set()).add(meaning)

    assert [title for title, found in meanings.items() if len(found) > 1] == []


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("HasOptedOutOfEmail", "opt-out"),
        ("doNotEmail", "opt-out"),
        ("Unsubscribed from all email", "opt-out"),
        ("Email Marketing Status", "status"),
        ("OPTIN_TIME", "time"),
        ("Newsletter", "opt-in"),
        ("Email", None),
        ("SMS opt out", None),
    ],
)
def test_a_title_is_known_by_all_of_its_letters(title: str, role: str | None) -> None:
    assert consent_role(title) == role
    assert (consent_meaning(title) is None) == (role is None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, "out"),
        ("1", "out"),
        ("Unsubscribed", "out"),
        ("x", "out"),
        (0, "not-out"),
        ("no", "not-out"),
        ("?", None),
    ],
)
def test_in_an_opt_out_column_a_yes_is_a_no(value: object, found: str | None) -> None:
    assert read_opt_out(value) == found
