"""Requests about dead letters, answered over an installation in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI

from streams.interfaces.http.keys import hash_of
from streams.settings import ApiKeyTable, Role
from streams.store import letters
from streams.store.letters import LetterRow
from streams.testing import Cluster
from tests.support.asgi import Answer, ask

LETTERS = "/v1/dead-letters"


def api_key(name: str, role: Role) -> ApiKeyTable:
    """Return the table of a key whose text is its name."""
    return ApiKeyTable(name=name, role=role, sha256=hash_of(name), expires=datetime(2099, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Requests:
    """An installation and the application over it."""

    cluster: Cluster
    app: FastAPI

    def index(self, *rows: LetterRow) -> list[str]:
        """Put letters into the index; return their ids."""
        self.cluster.database.transact(lambda link: letters.index(link, rows, 0))
        return [row.letter.id for row in rows]

    async def ask(
        self, method: str, target: str, user: str | None = "ann", body: object = None, **headers: str
    ) -> Answer:
        """Return the answer to a request of this user."""
        return await ask(self.app, method, target, user, body, **headers)
