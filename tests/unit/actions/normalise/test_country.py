"""Shows which spellings of a country are understood."""

from __future__ import annotations

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.normalise import country
from actions.normalise.country import normalise_country
from actions.normalise.refused import Refused


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("DE", "DE"),
        (" de ", "DE"),
        ("DEU", "DE"),
        ("Germany", "DE"),
        ("GERMANY", "DE"),
        ("Deutschland", "DE"),
        ("Allemagne", "DE"),
        ("Niemcy", "DE"),
        ("Federal Republic of Germany", "DE"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Great Britain", "GB"),
        ("U.S.A.", "US"),
        ("The United States", "US"),
        ("Österreich", "AT"),
        ("Osterreich", "AT"),
        ("España", "ES"),
        ("Россия", "RU"),
        ("日本", "JP"),
        ("대한민국", "KR"),
        ("South Korea", "KR"),
        ("Côte d’Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Czech Republic", "CZ"),
        ("Czechia", "CZ"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Holland", "NL"),
        ("Mexico", "MX"),
        ("México", "MX"),
        ("Niger", "NE"),
        ("Kosovo", "XK"),
        ("Guinea-Bissau", "GW"),
        ("Hong Kong", "HK"),
        ("", None),
        (" ", None),
    ],
)
def test_a_country_is_understood_by_code_and_by_name(typed: str, code: str | None) -> None:
    assert normalise_country(typed) == code


@pytest.mark.parametrize("typed", ["Atlantis", "XX", "D", "Germ any", ".", "the ", "x" * 300])
def test_an_unknown_country_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="not known; write its ISO 3166-1 alpha-2 code") as refused:
        normalise_country(typed)

    assert refused.value.code == "COUNTRY_UNKNOWN"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Mỹ", "US"),  # without its accent the code of Malaysia
        ("MY", "MY"),
        ("Myanmar (Burma)", "MM"),
        ("Germany (DE)", "DE"),
        ("Germany [DE]", "DE"),
        ("DE - Germany", "DE"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("\U0001f1e9\U0001f1ea Germany", "DE"),
        ("Congo - Kinshasa", "CD"),
        ("Hong Kong SAR China", "HK"),
        ("Сполучені Штати", "US"),
    ],
)
def test_names_of_the_cldr_and_decorated_ones_are_understood(typed: str, code: str) -> None:
    assert normalise_country(typed) == code


@pytest.mark.parametrize(
    "typed", ["Congo", "Korea", "Georgia (US)", "DE - France", "Other", "\U0001f1e9\U0001f1ea France"]
)
def test_a_text_that_means_two_countries_or_none_is_refused(typed: str) -> None:
    with pytest.raises(Refused):
        normalise_country(typed)


def test_every_code_and_english_name_of_the_list_is_understood() -> None:
    misread = {
        name: country.alpha_2
        for country in pycountry.countries
        for name in (
            country.alpha_2,
            country.alpha_3,
            country.name,
            getattr(country, "common_name", country.name),
        )
        if name != "Congo" and normalise_country(name.swapcase()) != country.alpha_2
    }

    assert misread == {}


@pytest.mark.parametrize("typed", ["Nigeri", "Гвиана", "अमेरिका"])
def test_a_name_that_means_two_countries_is_refused(typed: str) -> None:
    with pytest.raises(Refused):
        normalise_country(typed)


@settings(max_examples=300)
@given(st.text())
def test_any_text_is_a_known_country_or_refused(text: str) -> None:
    try:
        code = normalise_country(text)
    except Refused:
        return

    assert code is None or normalise_country(code) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("NGA", "NG"), ("Nga", "RU"), ("nga", "NG"), ("AO", "AO"), ("Ao", "AT"), ("ao", "AO"), ("Deu", "DE")],
)
def test_a_name_with_the_letters_of_a_code_is_told_from_it_by_its_capital(text: str, code: str) -> None:
    assert normalise_country(text) == code


def test_no_other_name_of_a_country_has_the_letters_of_the_code_of_another() -> None:
    codes = country._codes()
    tables = (country._names(), country._older_names(), country._english())
    others = {
        name.title(): code
        for table in tables
        for name, code in table.items()
        if code and codes.get(name, code) != code
    }

    assert others == country._NAMES_LIKE_CODES
