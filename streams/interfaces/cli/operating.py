"""This file opens what changes to dead letters need: the store, a broker, the audit; and tells what came of them."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import typer

from streams.interfaces.cli.pausing import said
from streams.interfaces.cli.selecting import chosen_ids
from streams.interfaces.common.errors import NOT_DONE, WrongUseError
from streams.interfaces.common.output import plural, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.dead_letters.letter_commands import Done, LetterCommands
    from streams.dead_letters.selection import Selection
    from streams.kafka.address import KafkaAddress
    from streams.settings import Settings
    from streams.store.engine import Database

SHOWN = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connections:
    """What a command works with."""

    settings: Settings
    address: KafkaAddress
    database: Database


def on_letters(work: Callable[[Connections], int]) -> None:
    """Open database and broker, let the command work, and end with its exit code."""
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    settings = connections.settings()
    with connections.database(settings) as database, connections.kafka(settings) as address:
        code = work(Connections(settings, address, database))
    if code:
        raise typer.Exit(code)


@asynccontextmanager
async def at_desk(place: Connections) -> AsyncIterator[LetterCommands]:
    """Connect. Raises `WrongUseError` when a topic is missing, and `UnreachableError`."""
    from functools import partial

    from streams.clock import now
    from streams.dead_letters.audit import Audit
    from streams.dead_letters.letter_commands import LetterCommands
    from streams.interfaces.common import connections
    from streams.kafka.producer import KafkaPublisher, new_producer
    from streams.kafka.topics import describe
    from topics.registry import TopicNames

    names = TopicNames(place.settings.prefix)
    needed = [names.requests, names.letters, names.audit]
    async with connections.admin(place.address) as admin:
        found = await describe(admin, needed)
    for name in needed:
        if name not in found:
            raise WrongUseError(f"{name} does not exist; `leads topics apply` makes it")
    async with KafkaPublisher(partial(new_producer, place.address)) as publisher:
        audit = Audit(publisher, names, now, getpass.getuser())
        yield LetterCommands(place.database, publisher, names, now, audit)


def with_desk(settings: Settings, database: Database, act: Callable[[LetterCommands], Awaitable[T]]) -> T:
    """Connect to the broker for one act. Raises as `at_desk` and the act do."""
    from streams.interfaces.common import connections

    async def run(address: KafkaAddress) -> T:
        async with at_desk(Connections(settings, address, database)) as desk:
            return await act(desk)

    with connections.kafka(settings) as address:
        return asyncio.run(run(address))


def act_on(
    selection: Selection,
    given: Sequence[str] | None,
    act: Callable[[LetterCommands, Sequence[str], str], Awaitable[Done]],
    *,
    is_all: bool,
    reason: str,
    done: str,
    as_json: bool,
) -> None:
    """Do something about the letters that are meant, and tell of each that stays as it is.

    Exit code 0 when all were changed (or there was none), else 1.
    """

    def work(place: Connections) -> int:
        why = said(reason)
        ids = chosen_ids(place.database, selection, given, is_all=is_all)
        if not ids:
            print_err("There is no such dead letter: nothing to do.")
            return 0

        async def run() -> Done:
            async with at_desk(place) as desk:
                return await act(desk, ids, why)

        return tell(asyncio.run(run()), done, as_json=as_json)

    on_letters(work)


def tell(found: Done, done: str, *, as_json: bool) -> int:
    """Say what came of an act; gives the exit code."""
    if as_json:
        left = [{"id": each.id, "why": each.why} for each in found.left]
        write_json({"changed": found.changed, "left": left})
    else:
        print_out(f"{plural(len(found.changed), 'letter')} {done}.")
        for each in found.left[:SHOWN]:
            print_err(f"{each.id} stays as it is: {each.why}")
        if len(found.left) > SHOWN:
            print_err(f"{plural(len(found.left) - SHOWN, 'more letter')} stay as they are; --json names all.")
    return NOT_DONE if found.left else 0
