"""Fold texts for comparison, and find the characters in them that nobody sees."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

IGNORABLE = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt) and the control characters from DEL on, as the
inside of a character class."""

_IGNORABLE = re.compile(f"[{IGNORABLE}]")
_LATIN_END = "\u0300"
_JOINERS = "\u200c\u200d"


def first_ignorable(text: str) -> int | None:
    """Return the index of the first character that is not shown; None when all are."""
    match = _IGNORABLE.search(text)
    return None if match is None else match.start()


def without_ignorable(text: str) -> str:
    """Return the text without characters that are not shown."""
    return _IGNORABLE.sub("", text)


def visible(text: str) -> str:
    """Return the text without characters that are not shown, but with the joiners that a script needs.

    A joiner between two letters outside ASCII (Persian, Hindi, …) changes how these are written.
    """
    # Latin letters, which most names are written in, need no search: of these, only the soft hyphen is not printed.
    if (text.isprintable() and max(text, default="") < _LATIN_END) or first_ignorable(text) is None:
        return text
    kept = []
    for index, character in enumerate(text):
        is_joining = (
            character in _JOINERS
            and _is_letter(text[index - 1 : index])
            and _is_letter(text[index + 1 : index + 2])
        )
        if is_joining or not _IGNORABLE.match(character):
            kept.append(character)
    return "".join(kept)


def _is_letter(character: str) -> bool:
    return bool(character) and not character.isascii() and category(character)[0] in "LM"


@lru_cache(maxsize=4096)
def fold_title(title: str) -> str:
    """Return the letters and digits of a column's or field's title, in lower case: `E-Mail:` becomes `email`.

    Compatibility forms (full width, ligatures) become their plain letters, so that titles are compared as read.
    """
    plain = normalize("NFKC", normalize("NFKC", title).casefold())
    return "".join(character for character in plain if character.isalnum() or category(character)[0] == "M")
