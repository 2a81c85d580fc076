"""Reads countries: codes, and names in all languages of the CLDR, as ISO 3166-1 alpha-2."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from unicodedata import normalize

import pycountry
from babel import Locale, localedata

from actions.normalise.folding import visible
from actions.normalise.refused import Refused, Remark, Remarks

# Spellings that people use and no list has. ISO 3166-1 leaves XK to its users, and everybody uses it for Kosovo.
_COMMON = {
    "AE": ("UAE", "Emirates"),
    "BA": ("Bosnia",),
    "CD": ("DRC", "DR Congo", "Democratic Republic of the Congo", "Democratic Republic of Congo"),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falklands", "Falkland Islands"),
    "GB": ("UK", "U.K.", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "GR": ("EL",),
    "HK": ("Hong Kong",),
    "MK": ("Macedonia",),
    "MM": ("Burma", "Myanmar"),
    "MO": ("Macao", "Macau"),
    "NL": ("Holland", "The Netherlands"),
    "PS": ("Palestine",),
    "RU": ("Russia", "Russland", "Russie", "Rusia", "Rosja", "Rusland"),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey", "Türkiye"),
    "US": ("USA", "U.S.", "U.S.A.", "America", "United States of America", "Mỹ"),
    "VA": ("Vatican",),
    "XK": ("XKX", "Kosovo", "Kosova", "Косово"),
}
_AMBIGUOUS = frozenset({"congo", "korea"})
"""Short names of two countries, although one of them has it officially (Congo)."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_MARKS = str.maketrans(
    {"\u2019": "'", "\u2018": "'", ".": "", "-": " ", "\u2011": " ", "\u2013": " ", ",": " "}
)
_LENGTH = 200
_CODE = re.compile("[A-Za-z]{2,3}")
_DECORATED = re.compile(
    r"(.+?)\s*(?:\(([^()]+)\)|\[([^\[\]]+)\])|([A-Za-z]{2,3})\s+[-\u2013\u2014:|]\s+(.+)|(.+?)\s+[-\u2013\u2014:|]\s+([A-Za-z]{2,3})"
)
_FLAG = re.compile("([\U0001f1e6-\U0001f1ff])([\U0001f1e6-\U0001f1ff])")
_FIRST_OF_FLAGS = 0x1F1E6


def normalise_country(text: str, remarks: Remarks | None = None) -> str | None:
    """Alpha-2 code of a code or a name, in any case and any language of the CLDR; None when blank.

    A name that means two countries is unknown. Raises `Refused` (COUNTRY_UNKNOWN). The first name that is neither a
    code nor English loads the names in all languages once (about a second).
    """
    text = text.strip()
    code, is_decorated = _read(text) if 0 < len(text) <= _LENGTH else (None, False)
    if code is None and text:
        raise Refused(
            "COUNTRY_UNKNOWN",
            "The country is not known; write its ISO 3166-1 alpha-2 code of two letters, or its name.",
        )
    if is_decorated and remarks is not None:
        remarks.append(Remark("UNWRAPPED", "The country was taken out of what was written around it."))
    return code


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[str | None, bool]:
    """Return the code, and whether it was taken out of decoration: `Germany (DE)`, `DE - Germany`, a flag."""
    plain = " ".join(visible(normalize("NFKC", text)).split())
    code = _code(plain)
    if code is not None:
        return code, False
    bare = _FLAG.sub("", plain).strip()
    if bare != plain:
        flags = {_of_flag(*pair) for pair in _FLAG.findall(plain)}
        codes = flags | ({_read(bare)[0]} if bare else set())
        return (codes.pop(), True) if len(codes) == 1 else (None, False)
    match = _DECORATED.fullmatch(plain)
    if match is None:
        return None, False
    # Both parts must mean one country: "Georgia (US)" is a state.
    first, second = (part for part in match.groups() if part is not None)
    codes = {code for part in (first, second) if (code := _code(part)) is not None}
    return (codes.pop(), True) if len(codes) == 1 and _code(first) is not None else (None, False)


def _of_flag(first: str, second: str) -> str | None:
    return _codes().get("".join(chr(ord(letter) - _FIRST_OF_FLAGS + ord("a")) for letter in (first, second)))


def _code(text: str) -> str | None:
    # Codes before folding: `Mỹ` is the USA in Vietnamese, and without its accent the code of Malaysia.
    if _CODE.fullmatch(text) and (code := _codes().get(text.lower())) is not None:
        return _NAMES_LIKE_CODES.get(text, code)
    exact = _exact(text)
    if not exact:
        return None
    for table in (_english(), _names(), _older_names()):
        code = table.get(exact)
        if code is not None:
            return code or None
    plain = _plain(exact)
    return (
        None if _CODE.fullmatch(plain) else _english_plain().get(plain) or _names_plain().get(plain) or None
    )


_NAMES_LIKE_CODES = {"Nga": "RU", "Ao": "AT"}
"""Names of countries, in any language of the CLDR, with the letters of another one's code. As a name is written, with
one capital, they are the name (`Nga` is Russia in Vietnamese, `NGA` Nigeria). A test looks for more."""


def _exact(text: str) -> str:
    folded = normalize("NFC", text.casefold()).replace("&", " and ").translate(_MARKS)
    return " ".join(folded.split()).removeprefix("the ")


def _plain(exact: str) -> str:
    return " ".join(_ACCENTS.sub("", normalize("NFKD", exact)).split())


@cache
def _codes() -> Mapping[str, str]:
    table = {"xk": "XK", "xkx": "XK", "uk": "GB", "el": "GR", "uae": "AE", "usa": "US", "drc": "CD"}
    for country in pycountry.countries:
        table |= {country.alpha_2.lower(): country.alpha_2, country.alpha_3.lower(): country.alpha_2}
    return MappingProxyType(table)


@cache
def _english() -> Mapping[str, str]:
    table = {_exact(name): code for code, name in _territories("en").items()}
    for country in pycountry.countries:
        for attribute in ("name", "common_name", "official_name"):
            if title := getattr(country, attribute, None):
                table.setdefault(_exact(title), country.alpha_2)
    table |= {_exact(name): code for code, names in _COMMON.items() for name in names}
    return MappingProxyType(table | dict.fromkeys(_AMBIGUOUS, ""))


@cache
def _english_plain() -> Mapping[str, str]:
    return MappingProxyType(_unambiguous((_plain(name), code) for name, code in _english().items()))


@cache
def _names() -> Mapping[str, str]:
    """Return the names of all languages; a name that means two countries maps to nothing."""
    return MappingProxyType(_unambiguous((_exact(name), code) for name, code in _in_all_languages()))


@cache
def _older_names() -> Mapping[str, str]:
    """Return names that only the translations of ISO 3166 have, such as `Bundesrepublik Deutschland`."""
    titles = [
        (title, country.alpha_2)
        for country in pycountry.countries
        for attribute in ("name", "common_name", "official_name")
        if (title := getattr(country, attribute, None))
    ]
    languages = (
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [folder.name], fallback=True)
        for folder in sorted(Path(pycountry.LOCALES_DIR).iterdir())
    )
    return MappingProxyType(
        _unambiguous(
            (_exact(language.gettext(title)), code) for language in languages for title, code in titles
        )
    )


@cache
def _names_plain() -> Mapping[str, str]:
    both = chain(_names().items(), ((name, code) for name, code in _older_names().items() if code))
    return MappingProxyType(_unambiguous((_plain(name), code) for name, code in both))


def _unambiguous(names: Iterator[tuple[str, str]]) -> dict[str, str]:
    table: dict[str, str] = {}
    for name, code in names:
        if table.setdefault(name, code) != code:
            table[name] = ""
    return table


@cache
def _in_all_languages() -> tuple[tuple[str, str], ...]:
    languages = sorted(identifier for identifier in localedata.locale_identifiers() if "_" not in identifier)
    return tuple((name, code) for language in languages for code, name in _territories(language).items())


def _territories(language: str) -> dict[str, str]:
    """Return the name of each country in a language."""
    countries = set(_codes().values())
    return {code: name for code, name in Locale.parse(language).territories.items() if code in countries}
