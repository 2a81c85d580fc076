"""Twelve exports of one list of 500 made-up people, as twelve products write them, and what is true of each row.

The exports are written from knowledge of the products; nothing here looks at the code that reads them.
`python -m tests.support.exports FOLDER --seed N` writes the files and a truth.json.
"""

from __future__ import annotations

from tests.support.exports.people import Person, people
from tests.support.exports.truth import CONTACT_FIELDS, FIELDS, Expected, ExpectedRow, Export, merge_truth
from tests.support.exports.writing import write_exports

__all__ = [
    "CONTACT_FIELDS",
    "FIELDS",
    "Expected",
    "ExpectedRow",
    "Export",
    "Person",
    "merge_truth",
    "people",
    "write_exports",
]
