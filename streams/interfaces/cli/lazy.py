"""Some commands are loaded only when they run: what they import takes longer than `leads --help` may."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

LAZY = {
    "dead-letters": (
        "streams.interfaces.cli.letters:app",
        "Dead letters: list what failed, look at one, do it again.",
    ),
    "topics": (
        "streams.interfaces.cli.topics:app",
        "The topics: what is missing or differs, make it so, list them.",
    ),
    "store": (
        "streams.interfaces.cli.store:app",
        "The store: copy it while workers run, put a copy back, catch up.",
    ),
    "kafka": ("streams.interfaces.cli.kafka:app", "Keep a local Apache Kafka running, end it, look at it."),
    "failpoints": (
        "streams.interfaces.cli.failpoints:failpoints",
        "List where tests can make a worker die, fail or stall.",
    ),
    "verify": (
        "streams.interfaces.cli.verify:verify",
        "Is anything lost, duplicated, inconsistent or stuck? Only reads.",
    ),
    "serve": (
        "streams.interfaces.cli.serve:serve",
        "Dead letters over HTTP, for consoles and scripts elsewhere.",
    ),
    "demo": (
        "streams.interfaces.cli.demo:demo",
        "Watch a few hundred leads being onboarded on a real Kafka of its own.",
    ),
}
"""Command: what it is, and the line that stands in the overview."""


class LazyGroup(TyperGroup):
    """A command group of which `LAZY` members are stand-ins until they are called."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**settings)
        for name, (_, line) in LAZY.items():
            self.add_command(TyperCommand(name, help=line, add_help_option=False), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer does not export these types
        """Find the command that was called, the real one."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in LAZY:
            return name, load(name), rest
        return name, command, rest


def load(name: str) -> Any:  # noqa: ANN401 - as above
    """Import a command and make it one of Typer's."""
    module, _, attribute = LAZY[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)
