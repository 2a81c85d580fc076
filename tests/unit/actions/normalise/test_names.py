"""What a program wrote where no name was known greets nobody; names that look like it stay."""

from __future__ import annotations

import pytest

from actions.normalise.names import is_no_first_name, is_no_last_name, is_nothing, is_placeholder


@pytest.mark.parametrize(
    "text",
    [
        "N/A",
        "{{first_name}}",
        "[not provided]",
        "*|FNAME|*",
        "${name}",
        "%FIRSTNAME%",
        "--",
        "?",
        "(not set)",
        "undefined",
    ],
)
def test_a_placeholder_is_no_name(text: str) -> None:
    assert is_placeholder(text)
    assert is_no_first_name(text)
    assert is_no_last_name(text, "Ada")
    assert is_nothing(text)


@pytest.mark.parametrize("text", ["Ada", "Na", "Nan", "Test", "X Æ A-12", "Undine", "D'Na"])
def test_a_name_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)
    assert not is_no_first_name(text)


@pytest.mark.parametrize(
    ("last", "first", "is_none"),
    [
        ("Null", "Anna", False),
        ("NULL", "ANNA", False),
        ("NULL", "Anna", True),
        ("null", None, True),
        ("None", "Anna", False),
        ("None", None, True),
    ],
)
def test_null_is_a_family_name_unless_a_program_wrote_it(
    last: str, first: str | None, *, is_none: bool
) -> None:
    assert is_no_last_name(last, first) is is_none
