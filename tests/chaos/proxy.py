"""A TCP proxy that breaks the connection between a worker and a server in the ways networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, get_args

from streams.operations.health.background import Background

Fault = Literal["delay", "blackhole", "reset", "half-open"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
Target = tuple[str, int] | Path
"""Host and port, or the path of a Unix socket."""

CHUNK = 64 * 1024
DELAY_S = 0.25
"""What `delay` adds to each chunk, in each direction."""
NO_LINGER = struct.pack("ii", 1, 0)
"""With it, closing sends a reset and drops what was not sent."""


class FaultProxy(Background):
    """Passes bytes on between 127.0.0.1:`port` and a target until it is told to break that.

    * `delay`: every chunk comes later; order stays.
    * `blackhole`: nothing gets through in either direction; what was sent arrives after healing, as TCP sends it again.
      New connections are accepted and hear nothing.
    * `reset`: every connection breaks off, new ones as well.
    * `half-open`: what the worker says arrives, and no answer comes back. Healing resets what was answered in vain: the
      other side has forgotten the connection.
    """

    def __init__(self, target: Target, port: int = 0) -> None:
        super().__init__(port)
        self.target = target
        self.passed = 0
        """Connections that were passed on."""
        self._fault: Fault | None = None
        self._is_passing = asyncio.Event()
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None

    def begin(self, fault: Fault) -> None:
        """Break it; returns when it is broken."""
        self._call(self._begin(fault))

    def heal(self) -> None:
        """Mend it; returns when it is mended."""
        self._call(self._heal())

    # --------------------------------------------------------------------------------------------- Background

    async def opened(self, listener: socket.socket) -> None:
        self._is_passing = asyncio.Event()
        self._is_passing.set()
        self._server = await asyncio.start_server(self._connected, sock=listener)

    async def closed(self) -> None:
        assert self._server is not None
        self._server.close()
        self._is_passing.set()
        self._abort(self._pairs)
        await self._server.wait_closed()

    # ------------------------------------------------------------------------------------------- in its thread

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        done: Future[None] = asyncio.run_coroutine_threadsafe(what, self._loop)
        done.result(timeout=10)

    async def _begin(self, fault: Fault) -> None:
        self._fault = fault
        if fault == "blackhole":
            self._is_passing.clear()
        if fault == "reset":
            self._abort(self._pairs)

    async def _heal(self) -> None:
        self._fault = None
        self._is_passing.set()
        self._abort({pair for pair in self._pairs if pair.has_lost_bytes})

    def _abort(self, pairs: set[_Pair]) -> None:
        for pair in tuple(pairs):
            pair.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            await self._is_passing.wait()
            if self._fault == "reset":
                return
            theirs, pair.server = await self._connect()
            self.passed += 1
            await asyncio.gather(
                self._pump(pair, reader, pair.server, is_answer=False),
                self._pump(pair, theirs, writer, is_answer=True),
            )
        except OSError:
            pass  # either side is gone: so is the connection
        finally:
            pair.abort()
            self._pairs.discard(pair)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(str(self.target))
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, pair: _Pair, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while chunk := await source.read(CHUNK):
            if self._fault == "delay":
                await asyncio.sleep(DELAY_S)
            await self._is_passing.wait()
            if is_answer and (self._fault == "half-open" or pair.has_lost_bytes):
                pair.has_lost_bytes = True
                continue
            sink.write(chunk)
            await sink.drain()
        if not pair.has_lost_bytes:
            await self._is_passing.wait()
            pair.end()


class _Pair:
    """The two halves of one connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.has_lost_bytes = False

    def end(self) -> None:
        """Close both halves after what is still to be sent."""
        for writer in (self.client, self.server):
            if writer is not None:
                writer.close()

    def abort(self) -> None:
        """Break both halves off with a reset."""
        for writer in (self.client, self.server):
            if writer is None or writer.transport.is_closing():
                continue
            found = writer.get_extra_info("socket")
            if found is not None and found.family == socket.AF_INET:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()
