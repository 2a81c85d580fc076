"""A mistake in `--where` is marked at its position; test_selection.py tests what expressions select."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.where import FIELDS, MAX_DEPTH, MAX_LENGTH, WhereError, parse_where
from tests.support.letters import NOW

WORDS = st.sampled_from(
    [*FIELDS, "and", "or", "not", "in", "(", ")", ",", "=", "!=", "~", "<", "-3d", "7", "'a b'", "x"]
)


def refused(text: str) -> list[str]:
    with pytest.raises(WhereError) as caught:
        parse_where(text, NOW)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "message", "under"),
    [
        ("clas = poison", "did you mean class?", "clas"),
        ("code = NOT_JSON adn lead = x", "expected `and`, `or`, or the end", "adn"),
        ("code NOT_JSON", "expected one of =", "NOT_JSON"),
        ("generation > many", "not a whole number", "many"),
        ("first_seen < yesterday", "-3d for three days ago", "yesterday"),
        ("status = opne", "none of scheduled", "opne"),
        ("class = posion", "none of poison", "posion"),
        ("first_seen < -99999999999d", "is not a moment", "-99999999999d"),
        ("generation ~ 1", "is not a text", "~"),
        ("code in (A B)", "expected `,` or `)`", "B"),
        ("lead = 'a", "is a quote missing?", "'"),
    ],
)
def test_a_mistake_is_marked_at_its_place(text: str, message: str, under: str) -> None:
    sentence, shown, caret = refused(text)

    assert message in sentence
    assert shown[caret.index("^") : caret.rindex("^") + 1] == under


@pytest.mark.parametrize("text", ["", "code =", "(code = A", "not"])
def test_a_cut_off_expression_is_marked_at_its_end(text: str) -> None:
    _, shown, caret = refused(text)

    assert caret.index("^") == len(shown.rstrip()) if shown.strip() else caret.strip() == "^"


def test_an_expression_that_is_too_long_or_too_deep_is_refused() -> None:
    assert "characters" in refused("x" * (MAX_LENGTH + 1))[0]
    assert "brackets" in refused("(" * (MAX_DEPTH + 2) + "code = A" + ")" * (MAX_DEPTH + 2))[0]


@given(st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused_with_a_caret_and_is_never_part_of_the_statement(
    text: str,
) -> None:
    statement, problem = "", "^"
    try:
        statement = str(sa.select(1).where(parse_where(text, NOW)).compile())
    except WhereError as error:
        problem = str(error)

    assert "'" not in statement.replace("'%'", "").replace("ESCAPE '/'", "")  # SQLAlchemy's own
    assert "^" in problem
