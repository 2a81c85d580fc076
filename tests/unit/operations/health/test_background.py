"""Starting and stopping a small server in a thread."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from streams.operations.health.background import Background


class Listening(Background):
    """A server that accepts no connection, so that only its port is seen."""

    error: Exception | None = None
    events: tuple[str, ...] = ()

    async def opened(self, listener: socket.socket) -> None:
        self._listener_socket = listener
        if self.error is not None:
            listener.close()
            raise self.error
        self.events += ("opened",)

    async def closed(self) -> None:
        self._listener_socket.close()
        self.events += ("closed",)


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_takes_a_free_port_and_keeps_it_over_restarts() -> None:
    server = Listening()

    with server:
        first = server.port
        was_listening = is_listening(first)
    is_free = not is_listening(first)
    with server:
        again = server.port

    assert (again, was_listening, is_free) == (first, True, True)
    assert first > 0
    assert server.events == ("opened", "closed") * 2


def test_a_port_that_is_taken_is_raised_where_the_server_is_started() -> None:
    with Listening() as server, pytest.raises(OSError, match="in use"):
        Listening(server.port).start()


def test_an_error_on_opening_is_raised_where_the_server_is_started() -> None:
    server = Listening()
    server.error = PermissionError("not allowed")

    with pytest.raises(PermissionError, match="not allowed"):
        server.start()


def test_stopping_a_server_that_was_never_started_does_nothing() -> None:
    server = Listening()

    server.stop()

    assert server.events == ()
