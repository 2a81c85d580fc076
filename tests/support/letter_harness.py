"""Letter commands over a real store, with a log in memory in the place of the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from streams.dead_letters.audit import Audit
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.patching import Patch
from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing, Publisher, PublishError
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import LetterRow
from streams.testing.clock import Clock
from streams.testing.log import MemoryLog
from topics.registry import TopicNames

NAMES = TopicNames()
STRIP = Patch("recipe strip-country v1", [{"op": "remove", "path": "/country"}])


class Refusing:
    """Broker that refuses every record."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Raise `PublishError`."""
        raise PublishError(f"{len(records)} records were not taken")


class Meanwhile:
    """Broker that takes every record after something else has happened."""

    def __init__(self, log: MemoryLog, happens: Callable[[], object]) -> None:
        """Call `happens` before each publishing to `log`."""
        self._log, self._happens = log, happens

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Let it happen, then publish."""
        self._happens()
        await self._log.publish(records)


class LetterHarness:
    """A store of letters, and the commands of a person (`ann`) over it."""

    def __init__(self, database: Database) -> None:
        """Start with an empty log."""
        self.store, self.clock = database, Clock()
        self.log = MemoryLog(self.clock)
        self.installation = Installation(
            workflow=ONBOARDING, database=self.store, publisher=self.log, topics=NAMES, clock=self.clock
        )
        self.commands = self.audited_by(self.log)

    def audited_by(self, publisher: Publisher) -> LetterCommands:
        """Return the commands whose audit goes to this publisher."""
        return LetterCommands(
            self.installation, Audit(replace(self.installation, publisher=publisher), "ann")
        )

    def index(self, *rows: LetterRow) -> list[str]:
        """Write letters into the index; return their ids."""
        self.store.transact(lambda connection: letters.index(connection, rows, 0))
        return [each.letter.id for each in rows]

    def row(self, letter_id: str) -> LetterRow:
        """Return a letter as the index holds it now."""
        (current,) = self.store.transact(lambda connection: letters.get(connection, [letter_id]))
        return current

    def audited(self) -> list[dict[str, str]]:
        """Return the entries of the audit topic."""
        return [orjson.loads(record.value or b"") for record in self.log.topics[NAMES.audit]]
