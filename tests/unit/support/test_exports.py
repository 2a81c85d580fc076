from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import phonenumbers
import pytest

from tests.support.exports import FIELDS, Expected, Export, merge_truth, people, write_exports

SEED = 7
TEXTS = ("first_name", "last_name", "company", "job_title", "city", "message")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Export]:
    return write_exports(tmp_path_factory.mktemp("exports"), SEED)


def leads_of(export: Export) -> list[list[str]]:
    """Return the cells of each lead as a plain reader sees them, without header, blank lines and footer."""
    text = export.path.read_bytes().decode(export.encoding)
    if not export.delimiter:
        return [[str(cell) for cell in json.loads(line).values()] for line in text.splitlines()]
    lines = io.StringIO(text, newline="")
    for _ in range(export.skip):
        lines.readline()
    records = csv.reader(lines, delimiter=export.delimiter, skipinitialspace=True, strict=True)
    header = next(records)
    return [cells for cells in records if len(cells) >= len(header) and any(cells)]


def test_the_same_seed_writes_the_same_files_and_another_seed_writes_others(
    exports: list[Export], tmp_path: Path
) -> None:
    folders = tmp_path / "again", tmp_path / "other"
    for folder in folders:
        folder.mkdir()

    again, other = (write_exports(folder, SEED + number) for number, folder in enumerate(folders))

    assert [replace(export, path=export.path.relative_to(folders[0])) for export in again] == [
        replace(export, path=Path(export.path.name)) for export in exports
    ]
    assert [one.path.read_bytes() for one in again] == [one.path.read_bytes() for one in exports]
    assert not {one.path.read_bytes() for one in other} & {one.path.read_bytes() for one in exports}


def test_nobody_shares_an_e_mail_and_sixty_share_a_telephone_with_one_colleague() -> None:
    everyone = people(SEED)

    phones = Counter(Counter(person.phone for person in everyone if person.phone).values())

    assert len({person.email.casefold() for person in everyone}) == 500
    assert phones[2] * 2 == 60
    assert set(phones) == {1, 2}


def test_every_telephone_is_a_valid_number_of_the_persons_country() -> None:
    numbers = {person.phone: person.country for person in people(SEED) if person.phone}

    regions = {phone: phonenumbers.region_code_for_number(phonenumbers.parse(phone)) for phone in numbers}

    assert regions == numbers


def test_each_of_twelve_files_decodes_and_holds_every_person_once_in_the_order_of_its_rows(
    exports: list[Export],
) -> None:
    everyone = people(SEED)

    counts = {export.name: len(leads_of(export)) for export in exports}

    assert len(exports) == 12
    assert set(counts.values()) == {500}
    for export in exports:
        assert sorted(row.person for row in export.rows) == list(range(500))
        assert all(row.fields["email"].value == everyone[row.person].email for row in export.rows)
        assert all(row.fields.keys() == set(FIELDS) for row in export.rows)


def test_the_cells_of_a_row_say_what_its_truth_says(exports: list[Export]) -> None:
    def folded(text: str) -> str:
        return "".join(unicodedata.normalize("NFC", text.replace("\u200b", "")).split())

    for export in exports:
        has_names_apart = export.name not in {"Meta lead ads", "Google Ads lead form"}
        for cells, row in zip(leads_of(export), export.rows, strict=True):
            texts = [
                row.fields[name].value for name in TEXTS if has_names_apart or not name.endswith("_name")
            ]

            assert {folded(text) for text in texts if text} <= {folded(cell) for cell in cells}, export.name


def test_the_e_mail_cells_unwrap_to_500_e_mails_in_each_file(exports: list[Export]) -> None:
    def unwrapped(cell: str) -> str:
        plain = unicodedata.normalize("NFKC", cell.replace("\u200b", "")).replace("\u2019", "'").lower()
        return plain.rpartition("<")[2].removeprefix("mailto:").strip(" ,>")

    everyone = people(SEED)
    for export in exports:
        for cells, row in zip(leads_of(export), export.rows, strict=True):
            found = {unwrapped(cell) for cell in cells} & {person.email for person in everyone}

            assert found == {everyone[row.person].email}, export.name


def test_the_contact_of_all_files_may_be_what_any_file_says_but_not_what_none_says(
    exports: list[Export],
) -> None:
    everyone = people(SEED)

    merged = merge_truth(exports, len(everyone))

    for person, fields in zip(everyone, merged, strict=True):
        assert fields["email"].allows(person.email)
        assert not fields["email"].allows(None)
        assert fields["last_name"].allows(person.last_name)
        assert fields["phone"].allows(person.phone or None)
        assert not fields["phone"].allows("+4930123456")
        answer = {"yes": Expected("yes"), "no": Expected("no"), "none given": Expected(None)}[person.consent]
        assert fields["consent"] == answer


@pytest.mark.parametrize(
    ("expected", "allowed", "refused"),
    [
        (Expected("a"), ["a"], ["b", None]),
        (Expected("a", may_be_absent=True, also=("b",)), ["a", "b", None], ["c"]),
        (Expected(None), [None], ["a", ""]),
    ],
    ids=["sure", "unsure", "absent"],
)
def test_an_expected_field_allows_the_right_values_alone(
    expected: Expected, allowed: list[str | None], refused: list[str | None]
) -> None:
    answers: Callable[[str | None], bool] = expected.allows

    assert all(map(answers, allowed))
    assert not any(map(answers, refused))
