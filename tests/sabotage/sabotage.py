"""What a sabotage is, which promises there are, and where the tests are that hold them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROMISES = (
    "never lost",
    "effects once",
    "byte-exact letters",
    "isolation",
    "replay does not disturb",
    "order-free",
    "honest",
    "no is no",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One mechanism and how to take it out."""

    name: str
    promise: str
    mechanism: str
    """What the line does that is taken out, as a sentence without its full stop."""
    file: str
    old: str
    """Text that occurs exactly once in the file."""
    new: str
    tests: tuple[str, ...]
    """Names of the tests that must fail: `NAME`, or `CLASS::NAME` where several classes have it, with `[CASE]` if only
    that one fails."""

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The tests as pytest names them. Raises KeyError for a name that no test, or more than one, has."""
        places = places_of_tests()
        return tuple(places[test.partition("[")[0]] + test.rpartition("::")[2] for test in self.tests)


@cache
def places_of_tests() -> dict[str, str]:
    """Return `FILE::` or `FILE::CLASS::` by the name of each test, and by `CLASS::NAME`; only those that are unique."""
    modules = {
        path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("tests/*/**/*.py"))
    }
    classes = {
        node.name: node
        for module in modules.values()
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }
    found: dict[str, list[str]] = {}
    for path, module in modules.items():
        if not path.name.startswith("test_"):
            continue
        file = f"{path.relative_to(ROOT).as_posix()}::"
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                for name in _tests_of(node, classes):
                    found.setdefault(name, []).append(f"{file}{node.name}::")
                    found[f"{node.name}::{name}"] = [f"{file}{node.name}::"]
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(file)
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _tests_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    """Yield the names of a class' tests, those of its suites included."""
    yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _tests_of(classes[base.id], classes)
