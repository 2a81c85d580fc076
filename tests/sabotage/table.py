"""Write the results of the sabotages as the table of docs/guarantees.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.sabotage.running import missing_from
from tests.sabotage.sabotage import Sabotage

_PLACE = re.compile(r"(<!-- sabotages: .*? -->\n).*?(<!-- end of sabotages -->)", re.DOTALL)
_HEAD = """
| promise | mechanism | taken out: | test | without the mechanism |
|---|---|---|---|---|
"""


def test_name(test: str) -> str:
    """Return the test's name, without file and class."""
    return test.rpartition("::")[2]


def row_of(sabotage: Sabotage, failed: Iterable[str]) -> str:
    """Return one line of the table; `failed` are the tests that failed."""
    red = list(failed)
    tests = "<br>".join(f"`{test_name(test)}`" for test in sabotage.node_ids)
    fallen = "<br>".join(_word(test, red) for test in sabotage.node_ids)
    return f"| {sabotage.promise} | {sabotage.mechanism} | {sabotage.name} | {tests} | {fallen} |\n"


def with_table(text: str, rows: Iterable[str]) -> str:
    """Return the page with the table in its marked place. Raises ValueError when there is no such place."""
    if _PLACE.search(text) is None:
        raise ValueError("docs/guarantees.md has no place for the table: <!-- sabotages: … -->")
    return _PLACE.sub(lambda found: found[1] + _HEAD + "".join(rows) + "\n" + found[2], text)


def write(page: Path, rows: Iterable[str]) -> None:
    """Rewrite the page's table."""
    page.write_text(with_table(page.read_text(encoding="utf-8"), rows), encoding="utf-8")


def _word(test: str, red: Sequence[str]) -> str:
    word = "**green**" if missing_from([test], red) else "red"
    return word + (" on a real broker" if test.startswith("tests/integration/") else "")
