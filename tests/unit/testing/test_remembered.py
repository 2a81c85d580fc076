"""What an action keeps in memory between two events is seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from streams.testing.remembered import remembered

_seen: list[str] = []


class Counter:
    total = 0


@cache
def costly(text: str) -> str:
    return text * 2


def by_global(text: str) -> None:
    _seen.append(text)


def by_class(text: str) -> None:
    Counter.total += len(text)


def by_default(text: str, kept: list[str] = []) -> None:  # noqa: B006 - that is the point
    kept.append(text)


def by_attribute(text: str) -> None:
    by_attribute.last = text  # type: ignore[attr-defined]


def closure() -> Callable[[str], None]:
    kept: list[str] = []

    def keep(text: str) -> None:
        kept.append(text)

    return keep


by_closure = closure()


def through_another(text: str) -> None:
    by_global(text)


def not_at_all(text: str) -> str:
    return costly(text) + text.upper()


@pytest.mark.parametrize(
    "function", [by_global, by_class, by_default, by_attribute, by_closure, through_another]
)
def test_state_is_seen_wherever_it_is_kept(function: Callable[[str], object]) -> None:
    before = remembered(function)
    function("x")

    assert remembered(function) != before


def test_a_function_without_state_is_the_same_after_a_call_and_a_cache_is_none() -> None:
    before = remembered(not_at_all)
    not_at_all("x")

    assert remembered(not_at_all) == before
