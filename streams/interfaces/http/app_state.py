"""State that all requests share, and authentication by API key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from streams.dead_letters.audit import Audit
from streams.dead_letters.job_control import ClaimedJob
from streams.dead_letters.job_limits import Lag
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.patching import RecipeTable
from streams.dead_letters.planned_letters import planned_job
from streams.dead_letters.preview import Preview
from streams.engine.installation import Installation
from streams.interfaces.http.keys import Keys
from streams.interfaces.http.problems import ProblemError
from streams.settings import ApiKeyTable
from streams.store import letters
from streams.store.letters import LetterRow

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class AppState:
    """The installation that requests work on, and the jobs that run in this server."""

    installation: Installation
    keys: Keys
    recipes: Sequence[RecipeTable]
    lag: Lag | None = None
    preview: Preview = field(init=False)
    _jobs: dict[str, asyncio.Task[object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise `PortError` when an action asks for a port that nothing answers."""
        self.preview = Preview(self.installation)

    def commands(self, author: str) -> LetterCommands:
        """Return the commands in the name of the key's owner."""
        return LetterCommands(self.installation, Audit(self.installation, author))

    def now(self) -> datetime:
        """Return the current moment by the clock of the installation."""
        return self.installation.clock()

    async def read(self, query: Callable[..., T], **arguments: Any) -> T:  # noqa: ANN401 - what the query takes
        """Run a query on the store. Raise as the store does."""
        return await self.installation.database.run(partial(query, **arguments))

    async def letter(self, letter_id: str) -> LetterRow:
        """Return a letter. Raise `ProblemError` 404."""
        rows = await self.read(letters.get, ids=[letter_id])
        if not rows:
            raise ProblemError(404, f"there is no letter {letter_id[:40]}; send the whole id")
        return rows[0]

    def work_on(self, claimed: ClaimedJob) -> None:
        """Start a job that runs beside the requests and pauses when the server stops."""
        job = planned_job(self.installation, claimed, self.preview, self.lag)
        task = asyncio.create_task(job.run(lambda _: None))
        self._jobs[claimed.id] = task
        task.add_done_callback(partial(self._ended, claimed.id))

    def _ended(self, job: str, task: asyncio.Task[object]) -> None:
        self._jobs.pop(job, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("replay job %s has failed and can be resumed: %s", job, error)

    async def close(self) -> None:
        """Pause the jobs."""
        running = list(self._jobs.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def app_state(request: Request) -> AppState:
    """Return what the requests of this server share."""
    shared: AppState = request.app.state.app_state
    return shared


State = Annotated[AppState, Depends(app_state)]
_BEARER = HTTPBearer(auto_error=False, description="An API key of leads.toml's [[api_keys]]")


def viewer(
    state: State, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> ApiKeyTable:
    """Return the API key that the request sends. Raise `ProblemError` 401."""
    key = None if credentials is None else state.keys.find(credentials.credentials, state.now())
    if key is None:
        raise ProblemError(
            401,
            "send `Authorization: Bearer KEY` with a key of leads.toml that has not expired",
            {"WWW-Authenticate": "Bearer"},
        )
    return key


def operator(user: Annotated[ApiKeyTable, Depends(viewer)]) -> ApiKeyTable:
    """Return the API key of an operator. Raise `ProblemError` 401 or 403."""
    if user.role != "operator":
        raise ProblemError(403, f"{user.name} is a viewer; this needs a key with role operator")
    return user


Viewer = Annotated[ApiKeyTable, Depends(viewer)]
Operator = Annotated[ApiKeyTable, Depends(operator)]
