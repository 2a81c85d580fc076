"""Send mails by SMTP on a connection that `aiosmtplib` has opened.

`aiosmtplib` greets, starts TLS and logs in. It cannot send the mail itself, because it raises the same error for a
connection lost before the final dot (nothing was sent: try again) and after it (nobody knows: ask a person). It also
waits for each answer in turn, although nearly every server takes several commands at once (PIPELINING, RFC 2920).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import NamedTuple

from streams.failpoints import reach

LINE_LIMIT = 64 * 1024
"""After so many bytes of an answer without a line end, the other side is taken not to speak SMTP."""
_LINE = re.compile(rb"([2-5]\d\d)([ -]?)([^\r\n]*)\r?\n")
GOODBYE = 421
GO_AHEAD = 354
GO_ON = 300
REFUSED = 400


class Reply(NamedTuple):
    """One answer of the server."""

    code: int
    text: str

    @property
    def is_refusal(self) -> bool:
        """Whether the code is 4xx or 5xx."""
        return self.code >= REFUSED


class Refusal(NamedTuple):
    """A command that the server refused, and its answer."""

    command: str
    """`MAIL` (the sender), `RCPT` (the recipient), `DATA`, or `message`."""
    code: int
    text: str


class ConnectionLost(Exception):
    """The connection ended, timed out, or broke the SMTP protocol before the mail's last byte was written."""


class AnswerLost(Exception):
    """The connection failed after the mail's last byte was written: the server may have taken the mail."""


class SmtpConnection(asyncio.Protocol):
    """One open connection to the mail server, which sends one mail at a time."""

    def __init__(self, transport: asyncio.Transport, extensions: Collection[str]) -> None:
        """Take over the transport of a connection after the greeting; `extensions` are in lower case."""
        self._transport = transport
        self.extensions = frozenset(extensions)
        self.is_lost = False
        """True when it can carry no more mail."""
        self._is_dirty = False
        self._buffer = b""
        self._replies: list[Reply] = []
        self._expected = 0
        self._answered: asyncio.Future[list[Reply]] | None = None
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._drained: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = loop.create_future()
        transport.set_protocol(self)

    async def hand_over(
        self, envelope: tuple[bytes, bytes], message: bytes, *, seconds: float, last_seconds: float
    ) -> Refusal | None:
        """Send one mail: `envelope` is the MAIL and the RCPT command, `message` has CRLF line ends.

        Return the server's refusal, or None when it took the mail. `last_seconds` limits the wait for the final
        answer, `seconds` the wait for each answer before it. Raise `ConnectionLost` or `AnswerLost`. The connection is
        then closed, as it is when the task is cancelled.
        """
        try:
            refusal = await self._announce(envelope, seconds)
            if refusal is not None:
                return refusal
            return await self._deliver(message, seconds, last_seconds)
        except BaseException:
            self.abort()
            raise

    async def _announce(self, envelope: tuple[bytes, bytes], seconds: float) -> Refusal | None:
        if self._is_dirty:
            (reply,) = await self._exchange(b"RSET\r\n", 1, seconds)
            if reply.is_refusal:
                raise ConnectionLost(f"the server answered {reply.code} to RSET")
        self._is_dirty = True
        commands = (envelope[0] + b"\r\n", envelope[1] + b"\r\n", b"DATA\r\n")
        if "pipelining" in self.extensions:
            replies = await self._exchange(b"".join(commands), len(commands), seconds)
        else:
            replies = []
            for command in commands:
                replies += await self._exchange(command, 1, seconds)
                if replies[-1].is_refusal:
                    break
        last = replies[-1].code
        for command_name, reply in zip(("MAIL", "RCPT", "DATA"), replies, strict=False):
            if reply.is_refusal:
                if last in (GO_AHEAD, GOODBYE):
                    # After 354 the server waits for a mail that nobody is to get, and drops it when cut off before
                    # the dot.
                    self.abort()
                return Refusal(command_name, reply.code, reply.text)
        if last != GO_AHEAD:
            raise ConnectionLost(f"the server answered {last} to DATA instead of 354")
        return None

    async def _deliver(self, message: bytes, seconds: float, last_seconds: float) -> Refusal | None:
        body = message.replace(b"\r\n.", b"\r\n..")
        if len(body) > LINE_LIMIT:
            # The dot is written only after everything else has been sent, so that a long mail cut off on the way is
            # certainly not taken.
            await self._write_all(body, seconds)
            body = b""
        if self.is_lost or self._transport.is_closing():
            raise ConnectionLost("the server closed the connection")
        try:
            reach("mail.before")
            (reply,) = await self._exchange(body + b".\r\n", 1, last_seconds)
            reach("mail.after")
        except ConnectionLost as error:
            raise AnswerLost(str(error)) from error
        if not (reply.is_refusal or reply.code < GO_ON):
            raise AnswerLost(f"the server answered {reply.code} to the mail, which means neither yes nor no")
        if reply.code == GOODBYE:
            self.abort()
        self._is_dirty = False  # any answer ends the transaction (RFC 5321, 4.1.1.4)
        return Refusal("message", reply.code, reply.text) if reply.is_refusal else None

    async def _exchange(self, data: bytes, replies: int, seconds: float) -> list[Reply]:
        """Write and wait for so many answers; return fewer when the server disconnects after a refusal."""
        if self.is_lost or self._transport.is_closing():
            raise ConnectionLost("the server closed the connection")
        self._replies = []
        self._expected = replies
        answered: asyncio.Future[list[Reply]] = self._loop.create_future()
        self._answered = answered
        timer = self._loop.call_later(
            seconds, self._give_up, f"the server did not answer within {seconds:g} s"
        )
        self._transport.write(data)
        try:
            return await answered
        finally:
            timer.cancel()
            self._answered = None

    async def _write_all(self, data: bytes, seconds: float) -> None:
        self._transport.set_write_buffer_limits(high=0)
        self._transport.write(data)
        if self._drained is None:
            return
        timer = self._loop.call_later(seconds, self._give_up, f"the server took no more for {seconds:g} s")
        try:
            await self._drained
        finally:
            timer.cancel()
            self._transport.set_write_buffer_limits()

    def _give_up(self, reason: str) -> None:
        error = ConnectionLost(reason)
        self.is_lost = True
        for future in (self._answered, self._drained):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # keeps asyncio from logging it when nobody awaits the future

    def abort(self) -> None:
        """Close at once, without sending buffered data."""
        self.is_lost = True
        self._transport.abort()

    async def quit(self, seconds: float) -> None:
        """Send QUIT, wait for the answer, and close."""
        try:
            await self._exchange(b"QUIT\r\n", 1, seconds)
        except ConnectionLost:
            pass  # it is closed, as intended
        finally:
            self.abort()
        await self._closed

    # ---------------------------------------------------------------------------------------- asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            self.is_lost = True  # the only unsolicited answer of a server is 421: idle for too long
            self._transport.close()
            return
        buffer = self._buffer + data
        position = 0
        while match := _LINE.match(buffer, position):
            position = match.end()
            if match[2] == b"-":
                continue
            self._replies.append(Reply(int(match[1]), match[3].decode("utf-8", "replace")))
            if len(self._replies) == self._expected or self._replies[-1].code == GOODBYE:
                self._answered.set_result(self._replies)
                break
        self._buffer = buffer[position:]
        if self._answered.done():
            if self._buffer:
                self.is_lost = True
                self._buffer = b""
        elif b"\n" in self._buffer or len(self._buffer) > LINE_LIMIT:
            self._give_up("the server's answer is not SMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        if any(reply.is_refusal for reply in self._replies) and self._answered and not self._answered.done():
            self._answered.set_result(self._replies)
        self._give_up("the connection broke" if exc else "the server closed the connection")
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
