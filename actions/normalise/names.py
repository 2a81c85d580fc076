"""Finds what stands for a missing value: `NULL`, `N/A`, `{{first_name}}`, `[not provided]`."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(
    r"\{\{.*\}\}|\{%.*%\}|\$\{.*\}|%[A-Za-z_ ]+%|\*\|.*\|\*|<%.*%>|\[\[.*\]\]|#[A-Z]+[/!?]\S*|<[A-Za-z_ ]+>"
)
_WORDS = frozenset({
    "n/a", "n.a.", "n. a.", "n/d", "s/d", "k.a.", "k. a.", "undefined", "(null)", "<null>", "not provided",
    "not available", "not specified", "not set", "no value", "(none)", "(blank)", "(empty)", "(not set)",
    "(not provided)", "[none]", "[null]", "no data", "nicht angegeben", "keine angabe", "no disponible",
    "non renseigné", "[object object]",
})  # fmt: skip
"""Whole texts, in lower case, that no person, company or place is called."""
_NOTHING = frozenset({"null", "none", "nil", "na", "nan", "unknown", "missing"})
"""Words that are names, too: Null is a family name, Na and Nan are given names."""
_LONGEST = 60
"""Characters of the longest placeholder."""
_PUNCTUATION = re.compile(r"[-\u2013\u2014_.?*/\\#~]{1,3}")


SUSPECTS = _WORDS | _NOTHING
"""Whole texts, in lower case, that may stand for a missing value; others that begin with a letter or digit never do."""


def is_placeholder(text: str) -> bool:
    """Whether a program wrote the text where nothing was known; no word that is also a person's name counts."""
    if text[0].isalnum():
        return text.lower() in _WORDS
    if len(text) > _LONGEST:
        return False
    lower = text.lower()
    if lower in _WORDS or _PUNCTUATION.fullmatch(text) is not None or _TEMPLATE.fullmatch(text) is not None:
        return True
    return text[0] in "[(" and text[-1] in "])" and lower[1:-1].strip() in _WORDS | _NOTHING


def is_nothing(text: str) -> bool:
    """Whether the text is a placeholder, or a word for nothing, which only where no name can stand is one."""
    return is_placeholder(text) or text.lower() in _NOTHING


def is_no_first_name(text: str) -> bool:
    """Whether a first name is none: `NULL`, `None`, `NaN`; but Na and Nan are people."""
    if is_placeholder(text):
        return True
    word = text.lower()
    return word in {"null", "none", "unknown", "missing"} or text in {"nan", "NaN", "NA", "na"}


def is_no_last_name(text: str, first: str | None) -> bool:
    """Whether a last name is none. Null is a family name: only `NULL` or `null` beside a first name that is written
    otherwise, or beside none, is a program's.
    """
    if is_placeholder(text):
        return True
    if text.lower() in {"none", "unknown", "missing"}:
        return first is None or text in {"NONE", "none"}
    if text not in {"NULL", "null"}:
        return False
    return first is None or first.isupper() != text.isupper() or first.islower() != text.islower()
