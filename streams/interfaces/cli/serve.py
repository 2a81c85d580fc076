"""`leads serve`: serves dead letters over HTTP, for consoles and scripts on other machines."""

from __future__ import annotations

import asyncio
import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import print_err, print_out

if TYPE_CHECKING:
    import uvicorn

    from streams.interfaces.common.connections import Connections

KEY_DAYS = 90


def serve(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Plain HTTP; put TLS in front of it for other machines.")
    ] = "127.0.0.1:8081",
    new_key: Annotated[
        str | None, typer.Option("--new-key", metavar="NAME", help="Make an API key, print it, and exit.")
    ] = None,
    role: Annotated[Literal["viewer", "operator"], typer.Option(help="Role of the new key.")] = "viewer",
) -> None:
    """Serve dead letters over HTTP (/v1/dead-letters, documented at /docs) until Ctrl-C.

    Every request needs an API key: `--new-key NAME --role operator` makes one, with the lines for leads.toml.
    """
    if new_key is not None:
        _print_key(new_key, role)
        return
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 1 << 16:
        raise WrongUseError(f"--listen {listen!r} is not an address; write 127.0.0.1:8081")
    logs.silence()
    with connections.connected() as connected:
        asyncio.run(_serve(connected, host, int(port)))


def _print_key(name: str, role: Literal["viewer", "operator"]) -> None:
    from datetime import timedelta

    from streams.clock import now
    from streams.interfaces.http.keys import hash_of, new_key

    key = new_key()
    expires = (now() + timedelta(days=KEY_DAYS)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    print_err("The key, which is not stored:")
    print_out(key)
    lines = (f'name = "{name}"', f'role = "{role}"', f'sha256 = "{hash_of(key)}"', f"expires = {expires}")
    print_err("\n".join(("For leads.toml:", "", "[[api_keys]]", *lines)))


async def _serve(connected: Connections, host: str, port: int) -> None:
    import uvicorn

    from streams.interfaces.common import connections
    from streams.interfaces.http.app import create_app
    from streams.interfaces.http.app_state import AppState
    from streams.interfaces.http.keys import Keys
    from streams.kafka.lag import watching_live_lag
    from streams.settings import load_config

    settings = connected.settings
    config = load_config(settings.config)
    if not config.api_keys:
        raise WrongUseError(
            f"{settings.config} has no [[api_keys]], so every request would be refused; "
            "`leads serve --new-key NAME --role operator` makes one"
        )
    async with (
        connections.installation(connected, config) as installation,
        connections.admin(connected.address) as admin,
        watching_live_lag(admin, connected.address, settings.group, settings.prefix) as lag,
    ):
        state = AppState(installation, Keys(config.api_keys), config.recipes, lag)
        options = uvicorn.Config(
            create_app(state),
            host,
            port,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        print_err(f"Dead letters are served at http://{host}:{port}/v1/dead-letters; Ctrl-C stops.")
        await _until_stopped(uvicorn.Server(options))


async def _until_stopped(server: uvicorn.Server) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order; uvicorn's own handlers would raise the signal again."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    await server.serve()
