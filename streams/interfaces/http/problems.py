"""Turns errors into problem details (RFC 9457) that repeat nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from streams.dead_letters.audit import AuditError
from streams.dead_letters.job_control import JobError
from streams.dead_letters.patching import PatchError
from streams.dead_letters.plan import PlanError
from streams.dead_letters.selection import SelectionError
from streams.dead_letters.serialize import TransferError
from streams.kafka.producer import PublishError
from streams.store.engine import StoreError

log = logging.getLogger(__name__)
Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
PHRASES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    412: "Precondition Failed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    428: "Precondition Required",
    500: "Internal Server Error",
}
"""Titles of problems, by status (RFC 9110); those of `http.HTTPStatus` differ between versions of Python."""
EXPECTED: dict[type[Exception], tuple[int, str]] = {
    SelectionError: (400, "The selection cannot be used"),
    PatchError: (422, "The patch cannot be used"),
    PlanError: (422, "The plan cannot be used"),
    TransferError: (422, "The letters cannot be taken in"),
    JobError: (409, "The job cannot do this now"),
    AuditError: (503, "The audit cannot be written"),
    PublishError: (503, "Kafka does not answer"),
    StoreError: (503, "The database does not answer"),
}


class ProblemError(Exception):
    """Raised when a request is refused."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """Take the status, and a sentence with the next step."""
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, *, title: str | None = None
) -> JSONResponse:
    """Return the response; its title is the phrase of the status unless one is given."""
    body = {
        "type": "about:blank",
        "title": title or PHRASES[status],
        "status": status,
        "detail": detail,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def add_to(app: FastAPI) -> None:
    """Make the application answer every error with a problem."""

    async def ours(_: Request, error: ProblemError) -> Response:
        return problem(error.status, error.detail, error.headers)

    async def wrong_form(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem(422, f"{place}: {first['msg']}")

    async def theirs(_: Request, error: HTTPException) -> Response:
        detail, headers = "see /docs for the requests that exist", dict(error.headers or {})
        return problem(error.status_code, detail, headers, title=str(error.detail))

    async def unforeseen(_: Request, error: Exception) -> Response:
        log.error("a request failed: %s", type(error).__name__, exc_info=error)
        return problem(
            500, "this is a defect of the server, and its log has the traceback; the request was aborted"
        )

    handlers: dict[Any, Handler] = {
        ProblemError: ours,
        RequestValidationError: wrong_form,
        HTTPException: theirs,
        Exception: unforeseen,
    }
    for kind, (status, title) in EXPECTED.items():
        handlers[kind] = _expected(status, title)
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _expected(status: int, title: str) -> Handler:
    async def answer(_: Request, error: Exception) -> Response:
        return problem(status, str(error), title=title)

    return answer
