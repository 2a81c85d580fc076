"""Mark a plain async function as an atomic action, and check its signature and its declarations."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from string import Formatter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from actions.ports import Effects
from topics.envelope import Envelope, attribute_text
from topics.events import Event

ActionFunction = Callable[..., Awaitable[Event]]
F = TypeVar("F", bound=ActionFunction)
OnStale = Literal["run", "skip", "ask"]
Scope = Literal["contact", "run"]
WhenUncertain = Literal["ask", "repeat"]
Requires = Literal["nothing", "no-objection", "consent"]

_RUN = "run"
"""The placeholder of the run's id in a key; all others are fields of the event."""
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class SignatureError(TypeError):
    """An `@action` function is not of the form `async (event, *, port: Port) -> Event`, or its effect does not fit."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The one outside call of an action, which no transaction covers: it is made at most once per key.

    The engine, pruning, recovery, previews and `leads verify` read it here. The declaration is the default; the table
    of leads.toml with the effect's name overrides it.
    """

    key: str
    """Names the call for ever: `welcome:{contact_key}`. Placeholders are fields of the event read, and `{run}`."""
    scope: Scope
    """How long the call is remembered.

    `contact`: for ever, so that it is made once per contact. `run`: as long as the ledger has the run's execution,
    so that it is made once per lead event; the key is then the name and the run.
    """
    when_uncertain: WhenUncertain = "ask"
    """What to do with a call that was cut off before its outcome was known.

    `ask`: a dead letter asks a person. `repeat`: the call is made again with the same key, which is right where the
    other side drops the copy. The calls of an adapter with `drops_copies` are repeated, whatever is declared.
    """
    concurrency: int = 16
    """Calls that one worker makes at once."""
    requires: Requires = "nothing"
    """What the contact must have said for the call to be made; read in the transaction that claims the call.

    `no-objection`: neither a no nor a suppression. `consent`: an explicit yes, too. Only for scope `contact`.
    """
    reference_field: str | None = None
    """The field of the result that holds the call's reference: it proves the call where a result has no headers yet."""

    @property
    def name(self) -> str:
        """The part of the key before the colon: the effect's name in leads.toml, on pages and in reports."""
        return self.key.partition(":")[0]

    @property
    def fields(self) -> tuple[str, ...]:
        """The placeholders of the key, `run` among them."""
        return _placeholders(self.key)

    def key_of(self, event: Event, envelope: Envelope) -> str:
        """Return the key of the call that is made for this event; it can be an attribute of the result."""
        values = {name: getattr(event, name) for name in self.fields if name != _RUN}
        return attribute_text(self.key.format_map({_RUN: envelope.correlation_id, **values}))

    def key_of_run(self, run: str) -> str:
        """Return the key of a call of scope `run`, from its run."""
        return attribute_text(self.key.format_map({_RUN: run}))


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """The declarations in an action's signature and decorator."""

    name: str
    """The function's name; outside, the action is called by `kebab`."""
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
    """What a stale replay does: run anyway, `skip`, or ask a person."""
    skip: Callable[[Any], Event] | None = None
    """States of a stale event, without doing anything, that it was skipped."""
    effect: Effect | None = None
    """Its call outside; None for an action that decides over the store alone."""
    kebab: str = field(init=False)
    """Name for the outside: `assign-owner`."""

    def __post_init__(self) -> None:
        """Derive the outside name."""
        object.__setattr__(self, "kebab", self.name.replace("_", "-"))


@cache
def _placeholders(key: str) -> tuple[str, ...]:
    # Needed for every call; there are as many keys as actions with an effect.
    return tuple(name for _, name, _, _ in Formatter().parse(key) if name is not None)


def action(
    *,
    version: int,
    effect: Effect | None = None,
    max_age: timedelta | None = None,
    on_stale: OnStale = "run",
    skip: Callable[[Any], Event] | None = None,
) -> Callable[[F], F]:
    """Mark a function as an action. It stays a plain function: it is never wrapped, and is tested by calling it.

    The first parameter's type is the event it reads, the return type the event (or `A | B`) it states;
    keyword-only parameters are ports, bound by their Protocol at start-up. A parameter typed `Envelope` gets
    the envelope of the event. `effect` declares the outside call of an action with the port `Effects`. `max_age`,
    `on_stale` and `skip` decide about late replays (see `ActionSpec`). Raises `SignatureError` naming the function and
    the fault.
    """

    def mark(function: F) -> F:
        spec = replace(
            _inspect(function, version), effect=effect, max_age=max_age, on_stale=on_stale, skip=skip
        )
        if on_stale == "skip" and skip is None:
            msg = f"action {spec.name} skips what is stale: `skip` must say which event it states then"
            raise SignatureError(msg)
        _check_effect(spec)
        function.__action__ = spec  # type: ignore[attr-defined]
        return function

    return mark


def spec_of(function: Callable[..., object]) -> ActionSpec:
    """Read the specification of an action. Raises `SignatureError` when it is not marked with `@action`."""
    spec = getattr(function, "__action__", None)
    if not isinstance(spec, ActionSpec):
        name = getattr(function, "__qualname__", repr(function))
        msg = f"{name} is not an action; mark it with @action(version=1)"
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


def _check_effect(spec: ActionSpec) -> None:
    effect, asks = spec.effect, Effects in spec.ports.values()
    if effect is None:
        if asks:
            msg = f'action {spec.name} asks for Effects: declare its call, @action(…, effect=Effect("name:{{run}}", …))'
            raise SignatureError(msg)
        return
    problem = None if asks else "the action does not ask for `effects: Effects`, so it cannot make the call"
    problem = problem or _key_problem(effect, spec.reads) or _reference_problem(effect, spec.emits)
    if problem is not None:
        msg = f"action {spec.name}, effect {effect.key!r}: {problem}"
        raise SignatureError(msg)


def _key_problem(effect: Effect, reads: type[Event]) -> str | None:
    """Return the fault of the key, as the end of a sentence; None when it fits the event."""
    try:
        parts = list(Formatter().parse(effect.key))
    except ValueError as error:
        return f"the key is not a template: {error}"
    if any(conversion or style for _, _, style, conversion in parts):
        return "a placeholder of the key takes neither conversion nor format"
    if _NAME.fullmatch(effect.name) is None:
        return "the key must begin with the effect's name and a colon, as in welcome:{contact_key}"
    for name in effect.fields:
        # Only a text that is always there names the same call every time.
        if name != _RUN and (
            name not in reads.model_fields or reads.model_fields[name].annotation is not str
        ):
            return f"{{{name}}} is not a required text of {reads.__name__}"
    return _scope_problem(effect)


def _scope_problem(effect: Effect) -> str | None:
    if effect.scope == "run" and effect.key != f"{effect.name}:{{{_RUN}}}":
        # The pruned ledger row has its run, and with it the one key to forget.
        return f"the key of a run must be {effect.name}:{{{_RUN}}}"
    if effect.scope == "contact" and ("contact_key" not in effect.fields or _RUN in effect.fields):
        return "the key of a contact must have {contact_key}, and not {run}: it is kept for ever"
    if effect.requires != "nothing" and effect.scope != "contact":
        return "only a call of scope contact can require what the contact said"
    return None


def _reference_problem(effect: Effect, emits: tuple[type[Event], ...]) -> str | None:
    """Return the fault of the reference field, as the end of a sentence.

    The field proves a call that an older build made: with a misspelt one the call would be made again.
    """
    if effect.reference_field is None:
        return None
    proving = [event for event in emits if effect.reference_field in event.model_fields]
    if not proving:
        return f"reference_field {effect.reference_field!r} is not a field of what the action states"
    needed = set(effect.fields) - {_RUN}
    missing = sorted(name for event in proving for name in needed - event.model_fields.keys())
    return (
        f"what the action states needs {missing[0]}, too, to prove the call by its reference"
        if missing
        else None
    )


def _returns(name: str, hint: Any) -> tuple[type[Event], ...]:  # noqa: ANN401 - a type expression has no type of its own
    branches = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if not all(_is_event(branch) for branch in branches):
        msg = f"action {name} must return an event class, or several joined by |"
        raise SignatureError(msg)
    return tuple(branches)


def _is_event(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Event) and hint is not Event
