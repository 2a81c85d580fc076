"""Requests about dead letters, answered over an installation in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import FastAPI

from streams.interfaces.http.app_state import AppState
from streams.interfaces.http.keys import hash_of
from streams.settings import ApiKeyTable, Role
from streams.store import letters
from streams.store.letters import LetterRow
from streams.testing import Cluster, event_headers
from tests.support.asgi import Answer, ask
from tests.support.letters import lettered

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

    @property
    def state(self) -> AppState:
        """What the requests share."""
        shared: AppState = self.app.state.app_state
        return shared

    async def start_job(self) -> str:
        """Repair a letter, start a job that replays it, wait until it is requested, and return the job's path."""
        (letter_id,) = self.index(replace(lettered(1), headers=event_headers("e-1")))
        repair = {"reason": "form", "ids": [letter_id], "recipe": "strip-country"}
        await self.ask("POST", f"{LETTERS}/commands/repair", body=repair)
        plan = await self.ask("POST", "/v1/dead-letter-plans", body={"ids": [letter_id]})
        created = await self.ask("POST", "/v1/dead-letter-jobs?reason=fixed", body=plan.body)
        assert created.status == 202, created.body
        async with asyncio.timeout(10):
            while not self.cluster.log.topics[self.cluster.names.requests]:
                await asyncio.sleep(0)
        return created.headers["location"]

    async def ask(
        self, method: str, target: str, user: str | None = "ann", body: object = None, **headers: str
    ) -> Answer:
        """Return the answer to a request of this user."""
        return await ask(self.app, method, target, user, body, **headers)
