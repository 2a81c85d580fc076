"""Titles of columns are known by one table, each as a whole."""

from __future__ import annotations

import pytest

from actions.normalise.consent import TITLES, consent_role
from actions.normalise.folding import fold_title
from streams.interfaces.lead_files.columns import FIELDS
from streams.interfaces.lead_files.titles import ALIASES, CREATED, alias_of, is_created_title
from tests.support.commands import REPOSITORY


def field_of(title: str, *others: str) -> str | None:
    alias = alias_of(title, frozenset(fold_title(other) for other in (title, *others)))
    return None if alias is None else alias.field


@pytest.mark.parametrize(
    "title", ["JobTitle", "Email:", "First  Name", "Last\u00a0Name", "Ｃｏｍｐａｎｙ", "E\u200bmail"]
)
def test_k12_titles_are_compared_by_letters_and_digits_alone(title: str) -> None:
    assert field_of(title) is not None


@pytest.mark.parametrize(
    "title", ["Email consent", "Email Opt Out", "Owner Email", "IP Country", "Company phone", "Fax"]
)
def test_a_title_that_only_holds_a_known_one_is_not_known(title: str) -> None:
    assert field_of(title) is None


@pytest.mark.parametrize(
    ("title", "others", "field"),
    [
        ("Name", ["Vorname"], "last_name"),
        ("Name", ["Vorname", "Nachname"], "name"),
        ("Nombre", ["Apellidos"], "first_name"),
        ("Nombre", [], "name"),
        ("Nom", ["Prenom"], "last_name"),
        ("Title", ["Company"], "job_title"),
        ("Title", ["Job Title"], None),
        ("id", ["form_id"], "lead_id"),
        ("id", [], None),
    ],
)
def test_a_title_of_two_meanings_is_read_by_its_neighbours(
    title: str, others: list[str], field: str | None
) -> None:
    assert field_of(title, *others) == field


def test_every_alias_is_of_a_field_and_none_is_about_consent_or_time() -> None:
    assert {alias.field for alias in ALIASES} <= FIELDS
    assert len({(alias.field, fold_title(alias.title)) for alias in ALIASES}) == len(ALIASES)
    assert not [alias for alias in ALIASES if consent_role(alias.title) or is_created_title(alias.title)]
    assert not [title for titles in TITLES.values() for title in titles if is_created_title(title)]


def test_titles_without_their_accents_are_known() -> None:
    assert [field_of(title) for title in ("Telefono movil", "Prenom", "Pais")] == [
        "phone",
        "first_name",
        "country",
    ]


def test_the_page_for_users_has_the_whole_table() -> None:
    page = (REPOSITORY / "docs" / "lead-files.md").read_text(encoding="utf-8")

    fields = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert [alias for alias in ALIASES if f"`{alias.title}`" not in fields[alias.field]] == []
    assert [title for title, _ in CREATED if f"`{title}`" not in page] == []
