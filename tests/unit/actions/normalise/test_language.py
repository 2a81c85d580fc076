"""How language tags are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.normalise.language import normalise_language
from actions.normalise.refused import Refused


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("de", "de"),
        ("de-de", "de-DE"),
        ("PT_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("iw", "he"),
        ("i-klingon", "tlh"),
        ("en_US.UTF-8", "en-US"),
        ("de_DE@euro", "de-DE"),
        ("German", "de"),
        ("Español", "es"),
        ("ESPAÑOL", "es"),
        ("inglés", "en"),
        ("日本語", "ja"),
        ("English (UK)", "en-GB"),
        ("English - United States", "en-US"),
        (" ", None),
    ],
)
def test_a_language_is_spelled_as_its_tag(typed: str, kept: str | None) -> None:
    assert normalise_language(typed) == kept


@pytest.mark.parametrize("typed", ["zzzz", "x" * 300, "Other", "German, I think", "Select…"])
def test_what_is_neither_a_tag_nor_a_name_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="BCP 47") as refused:
        normalise_language(typed)

    assert refused.value.code == "LANGUAGE_UNKNOWN"


@given(st.text())
def test_any_text_is_a_tag_or_refused(text: str) -> None:
    try:
        tag = normalise_language(text)
    except Refused:
        return

    assert tag is None or normalise_language(tag) == tag
