"""Commands about dead letters over a real store and a log in memory, for suites about what people do."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from streams.dead_letters.audit import Audit
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.patching import Patch
from streams.engine.installation import Installation
from streams.kafka.producer import Publisher
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import LetterRow
from streams.testing.clock import Clock
from streams.testing.log import MemoryLog
from tests.suites.letter_index import row
from topics.letter import sha256_of
from topics.registry import TopicNames

NAMES = TopicNames()
BODY = b'{"email": "ada@b.example", "country": "??"}'
STRIP = Patch("recipe strip-country v1", [{"op": "remove", "path": "/country"}])


def lettered(number: int, value: bytes = BODY, status: str = "parked", generation: int = 0) -> LetterRow:
    found = row(number, status=status, generation=generation, value_sha256=sha256_of(value))
    return LetterRow(found.status, None, found.letter, found.lead_id, found.key, value, [("ce_id", b"e-1")])


class CommandingLetters:
    """Uses the fixture `database`."""

    @pytest.fixture(autouse=True)
    def opened(self, database: Database) -> None:
        self.store, self.clock = database, Clock()
        self.log = MemoryLog(self.clock)
        self.commands = self.audited_by(self.log)

    def audited_by(self, publisher: Publisher) -> LetterCommands:
        installation = Installation(
            workflow=ONBOARDING, database=self.store, publisher=self.log, topics=NAMES, clock=self.clock
        )
        return LetterCommands(installation, Audit(replace(installation, publisher=publisher), "ann"))

    def index(self, *rows: LetterRow) -> list[str]:
        self.store.transact(lambda connection: letters.index(connection, rows, 0))
        return [each.letter.id for each in rows]

    def row(self, letter_id: str) -> LetterRow:
        (found,) = self.store.transact(lambda connection: letters.get(connection, [letter_id]))
        return found

    def audited(self) -> list[dict[str, str]]:
        return [orjson.loads(record.value or b"") for record in self.log.topics[NAMES.audit]]
