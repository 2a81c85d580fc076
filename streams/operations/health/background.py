"""Runs a small server in its own thread or as its own process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import orjson


class Background(ABC):
    """A server that `with` starts and stops in its own thread; a restart keeps the port.

    It has its own event loop, so it answers even while the caller's loop is blocked.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """`port` 0 takes a free port at the first start and keeps it."""
        self.port = port
        self._host = host
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None

    @abstractmethod
    async def opened(self, listener: socket.socket) -> None:
        """Start to serve on a bound socket."""

    @abstractmethod
    async def closed(self) -> None:
        """Close every connection and stop."""

    def start(self) -> None:
        """Return once it listens. Raise OSError when the port is taken."""
        listener = self._listener()
        ready = threading.Event()
        self._stop = asyncio.Event()
        self._failure = None
        self._thread = threading.Thread(
            target=self._serve_in_thread, args=(listener, ready), name=type(self).__name__, daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            raise self._failure

    def _serve_in_thread(self, listener: socket.socket, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(listener, ready.set))
        except BaseException as error:  # noqa: BLE001 - start() raises it in the caller's thread
            self._failure = error
        finally:
            ready.set()

    def stop(self) -> None:
        """Close every connection and free the port, as if the machine had gone."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def run(self) -> None:
        """Serve in this thread until SIGTERM or SIGINT; print `{"port": …}` to stdout once it listens."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        await self._serve(self._listener(), self._print_port)

    def _print_port(self) -> None:
        sys.stdout.write(orjson.dumps({"port": self.port}).decode() + "\n")
        sys.stdout.flush()

    async def _serve(self, listener: socket.socket, is_ready: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        await self.opened(listener)
        is_ready()
        try:
            await self._stop.wait()
        finally:
            await self.closed()

    def _listener(self) -> socket.socket:
        # asyncio turns off Nagle's delay only for a socket whose protocol is named.
        family, *_, address = socket.getaddrinfo(self._host, self.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        with contextlib.ExitStack() as stack:
            stack.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
            stack.pop_all()
        self.port = listener.getsockname()[1]
        return listener

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)
