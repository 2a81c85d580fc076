"""Holds the walks of docs/architecture.md to the code: each function they name is where they say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STOPS = re.findall(r"`([a-z_/]+\.py)`\s`([A-Za-z_.]+)`", PAGE)


def names_in(path: Path) -> set[str]:
    """Return what a module defines, methods as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if hasattr(each, "name")}
    return found


def test_the_walks_stop_often_enough_to_be_followed() -> None:
    assert len(STOPS) > 30


@pytest.mark.parametrize(("module", "name"), STOPS)
def test_each_function_of_the_walks_is_where_the_page_places_it(module: str, name: str) -> None:
    package = ROOT if (ROOT / module).exists() else ROOT / "streams"

    assert name in names_in(package / module)
