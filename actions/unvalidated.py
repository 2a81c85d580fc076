"""Makes events out of values that are known to be right, without validating them once more."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from topics.events import Value

M = TypeVar("M", bound=Value)


def made(model: type[M], values: dict[str, Any]) -> M:
    """Return the `model` that has these `values`: all its fields, in its order, each of the right type already.

    It equals the validated one (a test compares them) at a quarter of the cost. `values` belongs to the model
    from here on.
    """
    result = model.__new__(model)
    write = object.__setattr__
    write(result, "__dict__", values)
    write(result, "__pydantic_fields_set__", _names(model))
    write(result, "__pydantic_extra__", None)
    write(result, "__pydantic_private__", None)
    return result


@cache
def _names(model: type[Value]) -> set[str]:
    # One set for all: our models are frozen, and a copy of one copies its set.
    return set(model.model_fields)
