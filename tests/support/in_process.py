"""Calls `leads` within the test's process: milliseconds instead of the second that a process takes."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.engine.installation import Installation
from streams.interfaces.cli import logs
from streams.interfaces.cli.main import main
from streams.interfaces.common import connections
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.letters import LetterRow
from streams.store.migrate import open_database
from streams.testing import Cluster, World, adapters_of
from tests.support.commands import ROSTER, Ended


@dataclass(frozen=True)
class Leads:
    """The command line over `cluster`; the broker of its settings is never connected."""

    cluster: Cluster
    world: World
    config: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Ended:
        """Run `leads` with these arguments to its end."""
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["leads", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = self.capsys.readouterr()
        return Ended(int(end.value.code or 0), printed.out, printed.err)

    def index(self, *rows: LetterRow, at_us: int = 0) -> list[str]:
        """Write letters into the index at a moment and return their ids."""
        self.cluster.database.transact(lambda connection: letters.index(connection, rows, at_us))
        return [row.letter.id for row in rows]

    def letter(self, letter_id: str) -> LetterRow:
        """Return a letter as the index has it."""
        (row,) = self.cluster.database.transact(lambda connection: letters.get(connection, [letter_id]))
        return row

    @property
    def audit(self) -> list[dict[str, Any]]:
        """Return the entries on the audit topic, in order."""
        return [
            orjson.loads(entry.value or b"") for entry in self.cluster.log.topics[self.cluster.names.audit]
        ]


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """Put the configuration of all logs back after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.FOREIGN}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(logging.NOTSET)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


@pytest.fixture
def kept_signals() -> Iterator[None]:
    """Put the handlers of signals back after the test."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def leads(
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept_logging: None,
    kept_signals: None,
) -> Iterator[Leads]:
    """`leads` with a roster, an empty store, and an installation whose log is in memory."""
    config = tmp_path / "leads.toml"
    config.write_text(ROSTER)
    settings = {
        "DATABASE": sqlite_url,
        "DATA": str(tmp_path / "data"),
        "CONFIG": str(config),
        "KAFKA": "127.0.0.1:1",
        "SMTP": "smtp://127.0.0.1:1",
        "SECRET": "a secret for tests",
    }
    for name, text in settings.items():
        monkeypatch.setenv(f"LEADS_{name}", text)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer replaces it
    store = open_database(sqlite_url)
    world = World()
    cluster = Cluster(ONBOARDING, adapters_of(world), store)

    @asynccontextmanager
    async def in_memory(*_: object) -> AsyncIterator[Installation]:
        yield cluster.installation

    monkeypatch.setattr(connections, "installation", in_memory)
    yield Leads(cluster, world, config, monkeypatch, capsys)
    store.close()
