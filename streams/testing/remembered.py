"""Finds out whether an action keeps something in memory between two events: a crash would lose it."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

_FOREIGN = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib"))
_DEPTH = 6


def remembered(function: object) -> dict[str, object]:
    """Return what the function can reach by name (globals, closures, defaults, attributes), frozen so that it compares.

    It follows functions, classes and modules that belong to no library. It leaves out what `functools.cache` keeps:
    that can be computed again.
    """
    found: dict[str, object] = {}
    _function(function, found, set())
    return found


def _function(function: object, found: dict[str, object], seen: set[int]) -> None:
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or id(function) in seen or _is_foreign(function.__module__):
        return
    seen.add(id(function))
    place = f"{function.__module__}.{function.__qualname__}"
    for name in _names(function.__code__):
        if name in function.__globals__:
            _value(
                f"{function.__module__}.{name}", function.__globals__[name], function.__code__, found, seen
            )
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        _value(f"{place}: {name}", cell.cell_contents, function.__code__, found, seen)
    for number, default in enumerate(
        [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    ):
        _value(f"{place}: default {number + 1}", default, function.__code__, found, seen)
    found[f"{place}: attributes"] = _frozen(
        {name: value for name, value in vars(function).items() if name != "__action__"}, _DEPTH
    )


def _value(name: str, value: object, code: CodeType, found: dict[str, object], seen: set[int]) -> None:
    if isinstance(getattr(value, "__wrapped__", value), FunctionType):
        _function(value, found, seen)
    elif isinstance(value, ModuleType):
        if not _is_foreign(value.__name__) and id(value) not in seen:
            seen.add(id(value))
            for attribute in _names(code):
                if attribute in vars(value):
                    _value(f"{value.__name__}.{attribute}", vars(value)[attribute], code, found, seen)
    elif isinstance(value, type):
        if not _is_foreign(value.__module__) and id(value) not in seen:
            seen.add(id(value))
            for attribute, part in vars(value).items():
                if not attribute.startswith("__"):
                    _value(f"{name}.{attribute}", getattr(part, "__func__", part), code, found, seen)
    else:
        found[name] = _frozen(value, _DEPTH)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_foreign(module: str | None) -> bool:
    if module in (None, "builtins") or str(module).partition(".")[0] in ("topics", "streams", "pydantic"):
        return True
    file = getattr(sys.modules.get(str(module)), "__file__", None)
    return file is not None and str(Path(file).resolve()).startswith(_FOREIGN)


def _frozen(value: object, depth: int) -> object:
    if depth == 0 or value is None or isinstance(value, str | bytes | int | float | bool | type):
        return value if depth else type(value).__name__
    if isinstance(value, Mapping):
        return tuple((_frozen(key, depth - 1), _frozen(part, depth - 1)) for key, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(part, depth - 1) for part in value)
    if isinstance(value, set | frozenset):
        return frozenset(map(repr, value))
    kept = {**getattr(value, "__dict__", {})}
    if type(value).__module__ == "itertools" or not kept:
        return repr(value)
    return type(value).__qualname__, _frozen(kept, depth - 1)
