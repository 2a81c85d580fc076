"""How language tags are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.normalise.language import normalise_language


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("de", "de"),
        ("de-de", "de-DE"),
        ("PT_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("iw", "he"),
        ("i-klingon", "tlh"),
        ("German", None),
        ("zzzz", None),
        ("x" * 300, None),
        (" ", None),
    ],
)
def test_a_language_tag_is_spelled_the_standard_way_or_left_out(typed: str, kept: str | None) -> None:
    assert normalise_language(typed) == kept


@given(st.text())
def test_any_text_is_a_tag_or_none(text: str) -> None:
    tag = normalise_language(text)

    assert tag is None or normalise_language(tag) == tag
