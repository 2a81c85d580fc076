"""Reads languages: BCP 47 tags, and names in their own language and in English, as BCP 47."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from unicodedata import normalize

import langcodes
from babel import Locale, localedata

from actions.normalise.folding import visible
from actions.normalise.refused import Refused, Remarks

_LENGTH = 100
_OF_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl")
"""Languages whose names of other languages are read: `Deutsch`, `German`, `alemán`."""
_SUFFIX = re.compile(r"[.@].*")
_REGION = re.compile(r"(.+?)\s*[(\[-]\s*(.+?)\s*[)\]]?")


def normalise_language(text: str, remarks: Remarks | None = None) -> str | None:  # noqa: ARG001 - as all normalisers
    """Spell a tag or a name as a tag: `pt_br` and `en_US.UTF-8` as `pt-BR` and `en-US`, `Español` as `es`.

    None when blank. Raises `Refused` (LANGUAGE_UNKNOWN).
    """
    text = text.strip()
    tag = _read(text) if 0 < len(text) <= _LENGTH else None
    if tag is None and text:
        raise Refused(
            "LANGUAGE_UNKNOWN", "The language is not known; write its BCP 47 tag, such as de or pt-BR."
        )
    return tag


@lru_cache(maxsize=4096)
def _read(text: str) -> str | None:
    plain = " ".join(visible(normalize("NFKC", text)).split())
    return _tag(_SUFFIX.sub("", plain)) or _named(plain)


def _tag(text: str) -> str | None:
    try:
        tag = langcodes.standardize_tag(text)
        return tag if langcodes.tag_is_valid(tag) else None
    except ValueError:
        return None


def _named(text: str) -> str | None:
    tag = _names().get(text.casefold())
    if tag:
        return tag
    match = _REGION.fullmatch(text)  # "English (UK)", "English - United States"
    if match is None or (language := _names().get(match.group(1).casefold())) in {None, ""}:
        return None
    return f"{language}-{region}" if (region := _region(match.group(2))) else language


def _region(text: str) -> str | None:
    from actions.normalise.country import normalise_country  # noqa: PLC0415 - its tables are needed here alone

    try:
        return normalise_country(text)
    except Refused:
        return None


@cache
def _names() -> Mapping[str, str]:
    table: dict[str, str] = {}
    own = (tag for tag in localedata.locale_identifiers() if "_" not in tag)
    names = [(name, tag) for tag in own if (name := Locale.parse(tag).languages.get(tag))]
    names += [(name, tag) for locale in _OF_LOCALES for tag, name in Locale.parse(locale).languages.items()]
    for name, tag in names:
        if table.setdefault(name.casefold(), tag.replace("_", "-")) != tag.replace("_", "-"):
            table[name.casefold()] = ""  # the name of two languages
    return MappingProxyType(table)
