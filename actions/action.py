"""This file marks a plain async function as an atomic action and checks its signature."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from topics.envelope import Envelope
from topics.events import Event

ActionFunction = Callable[..., Awaitable[Event]]
F = TypeVar("F", bound=ActionFunction)
OnStale = Literal["run", "skip", "ask"]


class SignatureError(TypeError):
    """An `@action` function is not of the form `async (event, *, port: Port) -> Event`."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What the signature of one action says."""

    name: str
    """The function's name; `kebab` is what the outside calls it."""
    version: int
    reads: type[Event]
    emits: tuple[type[Event], ...]
    ports: dict[str, type]
    """Keyword-only parameters by name, each with its Protocol; the envelope's parameter is not among them."""
    envelope_parameter: str | None
    function: ActionFunction
    max_age: timedelta | None = None
    """Age of an event from which on a replay of it is stale; None: never."""
    on_stale: OnStale = "run"
    """What a stale replay does: all the same, `skip`, or ask the person who wants it."""
    skip: Callable[[Any], Event] | None = None
    """States of a stale event, without doing anything, that it was skipped."""
    kebab: str = field(init=False)
    """Name for the outside: `assign-owner`."""

    def __post_init__(self) -> None:
        """Derive the outside name."""
        object.__setattr__(self, "kebab", self.name.replace("_", "-"))


def action(
    *,
    version: int,
    max_age: timedelta | None = None,
    on_stale: OnStale = "run",
    skip: Callable[[Any], Event] | None = None,
) -> Callable[[F], F]:
    """Mark a function as an action. It stays a plain function: it is never wrapped, and is tested by calling it.

    The first parameter's type is the event it reads, the return type the event (or `A | B`) it states;
    keyword-only parameters are ports, bound by their Protocol at start-up. A parameter typed `Envelope` gets
    the envelope of the event. `max_age`, `on_stale` and `skip` say what becomes of replays that come late (see
    `ActionSpec`). Raises `SignatureError` naming the function and the parameter.
    """

    def mark(function: F) -> F:
        spec = _inspect(function, version)
        if on_stale == "skip" and skip is None:
            msg = f"action {spec.name} skips what is stale: `skip` must say which event it states then"
            raise SignatureError(msg)
        function.__action__ = replace(spec, max_age=max_age, on_stale=on_stale, skip=skip)  # type: ignore[attr-defined]
        return function

    return mark


def spec_of(function: Callable[..., object]) -> ActionSpec:
    """Read the specification of an action. Raises `SignatureError` when it is not marked with `@action`."""
    spec = getattr(function, "__action__", None)
    if not isinstance(spec, ActionSpec):
        name = getattr(function, "__qualname__", repr(function))
        msg = f"{name} is no action; mark it with @action(version=1)"
        raise SignatureError(msg)
    return spec


def _inspect(function: ActionFunction, version: int) -> ActionSpec:
    name: str = getattr(function, "__name__", repr(function))
    if not inspect.iscoroutinefunction(function):
        msg = f"action {name} must be declared with `async def`"
        raise SignatureError(msg)
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        msg = f"action {name} needs the event it reads as its first parameter"
        raise SignatureError(msg)
    reads = hints.get(parameters[0].name)
    if reads is None or not _is_event(reads):
        msg = f"action {name}: the first parameter {parameters[0].name!r} must be typed with an event class"
        raise SignatureError(msg)
    ports: dict[str, type] = {}
    envelope_parameter = None
    for parameter in parameters[1:]:
        hint = hints.get(parameter.name)
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or not isinstance(hint, type):
            msg = f"action {name}: {parameter.name!r} must be keyword-only and typed with a port (a Protocol)"
            raise SignatureError(msg)
        if hint is Envelope:
            envelope_parameter = parameter.name
        else:
            ports[parameter.name] = hint
    return ActionSpec(
        name=name,
        version=version,
        reads=reads,
        emits=_returns(name, hints.get("return")),
        ports=ports,
        envelope_parameter=envelope_parameter,
        function=function,
    )


def _returns(name: str, hint: Any) -> tuple[type[Event], ...]:  # noqa: ANN401 - a type expression has no type of its own
    branches = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if not all(_is_event(branch) for branch in branches):
        msg = f"action {name} must return an event class, or several joined by |"
        raise SignatureError(msg)
    return tuple(branches)


def _is_event(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Event) and hint is not Event
