"""Reads countries: codes, and names in many languages, as ISO 3166-1 alpha-2."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from unicodedata import normalize

import pycountry

from actions.normalise.refused import Refused

# Spellings that people use and no list has. ISO 3166-1 leaves XK to its users, and everybody uses it for Kosovo.
_COMMON = {
    "AE": ("UAE", "Emirates"),
    "BA": ("Bosnia",),
    "CD": ("DRC", "DR Congo", "Democratic Republic of the Congo"),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falklands", "Falkland Islands"),
    "GB": ("UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "GR": ("EL",),
    "KR": ("Korea",),
    "MK": ("Macedonia",),
    "MM": ("Burma",),
    "NL": ("Holland",),
    "PS": ("Palestine",),
    "RU": ("Russia", "Россия", "Russland", "Russie", "Rusia", "Rosja", "Rusland"),
    "SZ": ("Swaziland",),
    "TR": ("Turkey", "Türkei", "Turquie", "Turquía", "Turchia", "Turcja", "Turkije"),
    "US": ("America", "United States of America"),
    "VA": ("Vatican", "Vatican City"),
    "XK": ("XK", "XKX", "Kosovo", "Kosova", "Косово"),
}
_ACCENTS = re.compile("[\u0300-\u036f]")
_LATIN_MARKS = str.maketrans({"\u2019": "'", ".": "", "-": " ", ",": " "})
_LENGTH = 200


def normalise_country(text: str) -> str | None:
    """Alpha-2 code of a code or a name, in any case and any language pycountry speaks; None when blank.

    Raises `Refused` (COUNTRY_UNKNOWN). The first name that is neither a code nor English loads the names in
    all languages once (about half a second).
    """
    text = text.strip()
    code = _code(text) if len(text) <= _LENGTH else None
    if code is None and text:
        raise Refused(
            "COUNTRY_UNKNOWN",
            "The country is not known; write its ISO 3166-1 alpha-2 code of two letters, or its name.",
        )
    return code


@lru_cache(maxsize=4096)
def _code(text: str) -> str | None:
    folded = _fold(text)
    return _codes_and_english().get(folded) or _names_in_all_languages().get(folded) if folded else None


def _fold(text: str) -> str:
    plain = _ACCENTS.sub("", normalize("NFKD", text.casefold())).replace("&", " and ")
    return " ".join(plain.translate(_LATIN_MARKS).split()).removeprefix("the ")


@cache
def _codes_and_english() -> dict[str, str]:
    table = {_fold(name): code for name, code in _titles()}
    table |= {_fold(name): code for code, names in _COMMON.items() for name in names}
    for country in pycountry.countries:
        table |= {country.alpha_2.lower(): country.alpha_2, country.alpha_3.lower(): country.alpha_2}
    return table


@cache
def _names_in_all_languages() -> dict[str, str]:
    titles = list(_titles())
    table: dict[str, str] = {}
    ambiguous = set()
    for folder in sorted(Path(pycountry.LOCALES_DIR).iterdir()):
        language = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [folder.name], fallback=True)
        for title, code in titles:
            name = _fold(language.gettext(title))
            # One language's Niger is another's Nigeria, and some translations are wrong.
            if table.setdefault(name, code) != code:
                ambiguous.add(name)
    return {name: code for name, code in table.items() if name not in ambiguous}


def _titles() -> Iterator[tuple[str, str]]:
    for country in pycountry.countries:
        for attribute in ("name", "common_name", "official_name"):
            title = getattr(country, attribute, None)
            if title:
                yield title, country.alpha_2
