"""What was done is counted by reason and column."""

from __future__ import annotations

from streams.interfaces.lead_files.columns import Columns
from streams.interfaces.lead_files.report import FileReport, Sums, meaning_of


def test_equal_cases_are_one_sum_with_its_first_lines() -> None:
    sums = Sums()
    for line in range(2, 982):
        sums.add("noted", "country", "COUNTRY_UNKNOWN", "The country is unknown.", line)
    sums.add("skipped", "", "NOT_CSV", "not CSV", 5)

    skipped, noted = (each.as_data() for each in sums.most_frequent())

    assert noted == {
        "what": "noted",
        "field": "country",
        "code": "COUNTRY_UNKNOWN",
        "message": "The country is unknown.",
        "count": 980,
        "first_lines": [2, 3, 4, 5, 6],
    }
    assert (skipped["what"], skipped["field"]) == ("skipped", None)


def test_any_number_of_fields_makes_a_bounded_number_of_sums() -> None:
    sums = Sums()
    for line in range(2_000):
        sums.add("noted", f"attributes.x{line}", "NESTED_FIELD", "kept", line)

    assert len(sums.most_frequent()) <= 501
    assert sum(each.count for each in sums.most_frequent()) == 2_000


def test_columns_about_consent_are_named_and_unknown_ones_listed() -> None:
    columns = Columns(["Email", "Email Opt Out", "Shoe size", "attributes.x"]).all
    report = FileReport("csv", "UTF-8", "comma", 1, columns)

    assert [meaning_of(column) for column in columns] == ["email", "opt-out", "", "attributes.x"]
    assert report.as_data()["unknown_columns"] == ["Shoe size"]
