"""How exports in English, German and Spanish name countries and languages."""

from __future__ import annotations

from typing import Literal

Tongue = Literal["en", "de", "es"]

_COUNTRIES: dict[str, tuple[str, str, str]] = {
    "DE": ("Germany", "Deutschland", "Alemania"),
    "AT": ("Austria", "Österreich", "Austria"),
    "CH": ("Switzerland", "Schweiz", "Suiza"),
    "FR": ("France", "Frankreich", "Francia"),
    "ES": ("Spain", "Spanien", "España"),
    "IT": ("Italy", "Italien", "Italia"),
    "GB": ("United Kingdom", "Vereinigtes Königreich", "Reino Unido"),
    "IE": ("Ireland", "Irland", "Irlanda"),
    "NL": ("Netherlands", "Niederlande", "Países Bajos"),
    "PL": ("Poland", "Polen", "Polonia"),
    "US": ("United States", "Vereinigte Staaten", "Estados Unidos"),
    "JP": ("Japan", "Japan", "Japón"),
    "BR": ("Brazil", "Brasilien", "Brasil"),
    "IN": ("India", "Indien", "India"),
    "TR": ("Turkey", "Türkei", "Turquía"),
    "GR": ("Greece", "Griechenland", "Grecia"),
    "BG": ("Bulgaria", "Bulgarien", "Bulgaria"),
}

_LANGUAGES: dict[str, tuple[str, str, str]] = {
    "de": ("German", "Deutsch", "Alemán"),
    "en": ("English", "Englisch", "Inglés"),
    "fr": ("French", "Französisch", "Francés"),
    "es": ("Spanish", "Spanisch", "Español"),
    "it": ("Italian", "Italienisch", "Italiano"),
    "nl": ("Dutch", "Niederländisch", "Neerlandés"),
    "pl": ("Polish", "Polnisch", "Polaco"),
    "ja": ("Japanese", "Japanisch", "Japonés"),
    "pt": ("Portuguese", "Portugiesisch", "Portugués"),
    "hi": ("Hindi", "Hindi", "Hindi"),
    "tr": ("Turkish", "Türkisch", "Turco"),
    "el": ("Greek", "Griechisch", "Griego"),
    "bg": ("Bulgarian", "Bulgarisch", "Búlgaro"),
}

_TONGUES: tuple[Tongue, ...] = ("en", "de", "es")

COLLOQUIAL: dict[Tongue, dict[str, tuple[str, ...]]] = {
    "en": {
        "GB": ("UK", "Great Britain"),
        "US": ("USA", "U.S.A.", "United States of America"),
        "NL": ("The Netherlands", "Holland"),
        "TR": ("Türkiye",),
        "DE": ("DEU",),
    },
    "de": {
        "GB": ("Großbritannien",),
        "US": ("USA", "Vereinigte Staaten von Amerika"),
        "DE": ("BRD",),
        "NL": ("Holland",),
    },
    "es": {"US": ("EE. UU.", "EEUU"), "GB": ("Gran Bretaña",), "NL": ("Holanda",)},
}
"""Names people use for a country beside its own: a reader may know them or not."""


def country_name(code: str, tongue: Tongue) -> str:
    """Return the country's name in this tongue."""
    return _COUNTRIES[code][_TONGUES.index(tongue)]


def language_name(tag: str, tongue: Tongue) -> str:
    """Return the name of the tag's language in this tongue; its region is not named."""
    return _LANGUAGES[tag.partition("-")[0]][_TONGUES.index(tongue)]
