"""Loads some commands only when they run: their imports would make `leads --help` slow."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

LAZY = {
    "dead-letters": (
        "streams.interfaces.cli.letters:app",
        "Dead letters: list, explain, edit and replay what failed.",
    ),
    "topics": (
        "streams.interfaces.cli.topics:app",
        "The topics: compare them with the registry, make them, list them.",
    ),
    "store": (
        "streams.interfaces.cli.store:app",
        "The store: back it up while workers run, restore it, catch up.",
    ),
    "kafka": (
        "streams.interfaces.cli.kafka:app",
        "Keep a local Apache Kafka running, stop it, show its status.",
    ),
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
        "Dead letters over HTTP, for consoles and scripts on other machines.",
    ),
    "demo": (
        "streams.interfaces.cli.demo:demo",
        "Watch a few hundred leads being onboarded on a real Kafka.",
    ),
}
"""By command: where it is defined, and its line in the overview."""


class LazyGroup(TyperGroup):
    """A command group whose `LAZY` members are stand-ins until they are called."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**settings)
        for name, (_, line) in LAZY.items():
            self.add_command(TyperCommand(name, help=line, add_help_option=False), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer does not export these types
        """Return the command that was called, loaded when it is lazy."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in LAZY:
            return name, load(name), rest
        return name, command, rest


def load(name: str) -> Any:  # noqa: ANN401 - as above
    """Import a command and return it as Click's."""
    module, _, attribute = LAZY[name][0].partition(":")
    command = getattr(import_module(module), attribute)
    if isinstance(command, typer.Typer):
        return get_group(command)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(command)
    return get_command(alone)
