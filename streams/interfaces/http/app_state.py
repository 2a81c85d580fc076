"""This file holds what answering needs: store, broker, preview, keys; and who asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from streams.dead_letters.audit import Audit
from streams.dead_letters.job import Job
from streams.dead_letters.job_control import ClaimedJob
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.preview import Preview
from streams.dead_letters.recipes import RecipeTable
from streams.interfaces.http.keys import Keys
from streams.interfaces.http.problems import ProblemError
from streams.kafka.producer import Publisher
from streams.settings import ApiKeyTable
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import LetterRow
from topics.registry import TopicNames

log = logging.getLogger(__name__)


@dataclass(slots=True)
class AppState:
    """What all requests share."""

    database: Database
    publisher: Publisher
    names: TopicNames
    clock: Callable[[], datetime]
    preview: Preview
    keys: Keys
    recipes: Sequence[RecipeTable]
    lag: Callable[[], Awaitable[int]] | None = None
    _jobs: dict[str, asyncio.Task[object]] = field(default_factory=dict)

    def desk(self, author: str) -> LetterCommands:
        """Give the desk at which somebody works."""
        audit = Audit(self.publisher, self.names, self.clock, author)
        return LetterCommands(self.database, self.publisher, self.names, self.clock, audit)

    async def letter(self, letter_id: str) -> LetterRow:
        """Give a letter. Raises `ProblemError` 404."""
        found = await self.database.run(partial(letters.get, ids=[letter_id]))
        if not found:
            raise ProblemError(
                404, "No such dead letter", f"there is no letter {letter_id[:40]}; ids are given whole"
            )
        return found[0]

    def work_on(self, begun: ClaimedJob) -> None:
        """Let a job run beside the requests; when the server stops, it pauses."""
        job = Job(
            begun.id,
            begun.holder,
            self.database,
            self.publisher,
            self.names,
            self.clock,
            partial(self.preview.of, stale=begun.options.stale),
            begun.options,
            begun.letters,
            self.lag,
        )
        task = asyncio.create_task(job.run(lambda _: None))
        self._jobs[begun.id] = task
        task.add_done_callback(partial(self._ended, begun.id))

    def _ended(self, job: str, task: asyncio.Task[object]) -> None:
        self._jobs.pop(job, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("replay job %s came to a halt and can be resumed: %s", job, error)

    async def close(self) -> None:
        """Pause the jobs."""
        running = list(self._jobs.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def app_state(request: Request) -> AppState:
    """Give the office of this server."""
    found: AppState = request.app.state.app_state
    return found


State = Annotated[AppState, Depends(app_state)]
_BEARER = HTTPBearer(auto_error=False, description="An API key of leads.toml's [[api_keys]]")


def viewer(at: State, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> ApiKeyTable:
    """Give who asks. Raises `ProblemError` 401."""
    found = None if given is None else at.keys.find(given.credentials, at.clock())
    if found is None:
        raise ProblemError(
            401,
            "Who asks?",
            "send `Authorization: Bearer KEY` with a key of leads.toml that has not expired",
            {"WWW-Authenticate": "Bearer"},
        )
    return found


def operator(user: Annotated[ApiKeyTable, Depends(viewer)]) -> ApiKeyTable:
    """Give who asks, if it may change things. Raises `ProblemError` 401 or 403."""
    if user.role != "operator":
        raise ProblemError(
            403, "Not for viewers", f"{user.name} is a viewer; this needs a key with role operator"
        )
    return user


Viewer = Annotated[ApiKeyTable, Depends(viewer)]
Operator = Annotated[ApiKeyTable, Depends(operator)]
