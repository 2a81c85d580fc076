"""Reads language tags (BCP 47)."""

from __future__ import annotations

from functools import lru_cache

import langcodes

_LENGTH = 100


def normalise_language(text: str) -> str | None:
    """Spell a tag in its standard way, e.g. `pt_br` as `pt-BR`; None when blank.

    None, too, when it is not a tag: a language that cannot be read is no reason to turn a lead away.
    """
    text = text.strip()
    return _standard(text) if len(text) <= _LENGTH else None


@lru_cache(maxsize=4096)
def _standard(text: str) -> str | None:
    try:
        tag = langcodes.standardize_tag(text)
        return tag if langcodes.tag_is_valid(tag) else None
    except ValueError:
        return None
