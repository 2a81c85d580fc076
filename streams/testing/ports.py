"""Records the calls of an action on its ports, and can kill its worker before and after each call."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from actions.action import ActionSpec
from actions.ports import Effects
from streams.testing.life import Life
from streams.workflow import Ports, Step, Workflow
from topics.events import Event

LONGEST_ARGUMENT = 160

_key: ContextVar[str | None] = ContextVar("key of the effect under way", default=None)


@dataclass(frozen=True, slots=True)
class Call:
    """A call on a port that returned."""

    port: str
    """As the action writes it: `mailer.send`."""
    arguments: str
    """Their repr, shortened."""
    key: str | None
    """Key of the effect it is part of; None when it was not made through `Effects.once`."""
    is_outside: bool
    """Whether it reaches outside: an async call on a port that no transaction covers."""

    def __str__(self) -> str:
        """Write it as the action does."""
        return f"{self.port}({self.arguments})"


class Surroundings(Protocol):
    """Contexts around every step of an action, and of a port that it calls."""

    def action(self) -> AbstractContextManager[object]:
        """Return the context of a step of the action itself."""
        ...

    def port(self) -> AbstractContextManager[object]:
        """Return the context of a step of a port."""
        ...


class Nothing:
    """Surroundings that do nothing."""

    def action(self) -> AbstractContextManager[object]:
        """See `Surroundings.action`."""
        return nullcontext()

    def port(self) -> AbstractContextManager[object]:
        """See `Surroundings.port`."""
        return nullcontext()


class Stepped:
    """Awaits something, with a context around each of its steps, and not while it waits."""

    def __init__(self, awaited: Awaitable[Any], around: Callable[[], AbstractContextManager[object]]) -> None:
        """Take the awaitable, and a function that returns the context of a step."""
        self._awaited = awaited
        self._around = around

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run the awaitable step by step."""
        steps = self._awaited.__await__()
        error: BaseException | None = None
        while True:
            try:
                with self._around():
                    waits_for = next(steps) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            try:
                yield waits_for
                error = None
            except BaseException as thrown:  # noqa: BLE001 - it is handed in
                error = thrown


class WatchedPort:
    """A port as an action sees it, with points before and after each call."""

    def __init__(
        self, name: str, port: object, life: Life, calls: list[Call], around: Surroundings, *, is_staged: bool
    ) -> None:
        """`is_staged`: a transaction covers it."""
        self._watched = (name, port, life, calls, around, is_staged)

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - whatever the port has
        name, port, life, calls, around, is_staged = self._watched
        with around.port():
            found = getattr(port, attribute)
        if not callable(found):
            return found
        called = f"{name}.{attribute}"

        def note(arguments: str, *, waited: bool) -> None:
            calls.append(Call(called, arguments, _key.get(), waited and not is_staged))
            life.passes(f"after {called}")

        def call(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
            life.passes(f"before {called}")
            arguments = _written(positional, named)
            with around.port():
                result = found(*positional, **named)
            if inspect.isawaitable(result):
                return finish(result, arguments)
            note(arguments, waited=False)
            return result

        async def finish(result: Awaitable[Any], arguments: str) -> Any:  # noqa: ANN401 - as above
            done = await Stepped(result, around.port)
            note(arguments, waited=True)
            return done

        return call


class WatchedEffects:
    """The port Effects, which marks the calls made through it with their key."""

    def __init__(self, effects: Effects, around: Surroundings) -> None:
        """Take the real one. It has no points of its own: its commits and what it calls have them."""
        self._effects = effects
        self._around = around

    @property
    def key(self) -> str:
        """See `actions.ports.Effects.key`."""
        return self._effects.key

    async def once(self, call: Callable[[], Awaitable[str]]) -> Any:  # noqa: ANN401 - a Receipt
        """See `actions.ports.Effects.once`."""

        async def named() -> str:
            token = _key.set(self._effects.key)
            try:
                with self._around.action():
                    called = call()
                reference: str = await Stepped(called, self._around.action)
                return reference
            finally:
                _key.reset(token)

        return await Stepped(self._effects.once(named), self._around.port)


def with_watched_ports(
    workflow: Workflow, ports: Ports, life: Life, calls: list[Call], around: Surroundings | None = None
) -> Workflow:
    """Return the workflow with actions that call watched ports."""

    def watched(step: Step) -> Step:
        return dataclasses.replace(
            step, action=_watched(step.action, ports, life, calls, around or Nothing())
        )

    return Workflow(workflow.name, *map(watched, workflow.steps))


def _watched(
    action: ActionSpec, ports: Ports, life: Life, calls: list[Call], around: Surroundings
) -> ActionSpec:
    async def function(event: Event, **arguments: Any) -> Event:  # noqa: ANN401 - ports of any type
        asked: dict[str, Any] = dict(arguments)
        for name, port in action.ports.items():
            if port is Effects:
                asked[name] = WatchedEffects(arguments[name], around)
            else:
                is_staged = port in ports.transactional
                asked[name] = WatchedPort(name, arguments[name], life, calls, around, is_staged=is_staged)
        stated: Event = await Stepped(action.function(event, **asked), around.action)
        return stated

    return dataclasses.replace(action, function=function)


def _written(positional: tuple[object, ...], named: Mapping[str, object]) -> str:
    parts = [_short(value) for value in positional]
    parts += [f"{name}={_short(value)}" for name, value in named.items()]
    return ", ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_ARGUMENT else f"{text[:LONGEST_ARGUMENT]}…"
