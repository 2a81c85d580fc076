"""`leads health`: asks a worker for its health, for a person or a container's health check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import NOT_DONE, UnreachableError, WrongUseError
from streams.interfaces.common.output import AsJson, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.operations.health.address import HealthAddress

ANSWERS_WITHIN_S = 5.0
_YES = 200


def health(
    is_ready: Annotated[
        bool,
        typer.Option("--ready", help="Ask whether it makes progress, not only whether it is alive."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the worker at LEADS_HEALTH whether it is alive, or ready.

    Exit codes: 0 it is, 1 it is not (the message gives the reason), 2 LEADS_HEALTH is not set, 3 no worker answers.
    """
    from streams.interfaces.common import connections

    address = connections.settings().health
    if address is None:
        raise WrongUseError("LEADS_HEALTH is not set; set it to the worker's value, e.g. 8080")
    is_yes, document = _ask(address, "ready" if is_ready else "live")
    if as_json:
        write_json(document)
    else:
        state = "ready" if is_ready else "alive"
        print_out(f"The worker is {state}." if is_yes else f"The worker is not {state}.")
        for reason in document["because"]:
            print_err(f"Because: {reason}.")
    if not is_yes:
        raise typer.Exit(NOT_DONE)


def _ask(address: HealthAddress, what: str) -> tuple[bool, dict[str, Any]]:
    from http.client import HTTPConnection, HTTPException

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
    connection = HTTPConnection(host, address.port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("GET", f"/{what}")
        answer = connection.getresponse()
        return answer.status == _YES, json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        why = type(error).__name__
        msg = f"no worker answers at {address.url} ({why}); does one run with this LEADS_HEALTH?"
        raise UnreachableError(msg) from None
    finally:
        connection.close()
