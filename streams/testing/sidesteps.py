"""Detects calls of an action that bypass its ports: files, sockets, processes, own databases."""

from __future__ import annotations

import io
import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import BuiltinFunctionType, FrameType

_FILE = {"write", "writelines", "truncate"}
_DATABASE = {"execute", "executemany", "executescript", "commit", "connect"}
_SOCKET = {"connect", "connect_ex", "send", "sendall", "sendto", "sendmsg"}
_SYSTEM = {
    "chmod", "fork_exec", "link", "mkdir", "putenv", "remove", "rename", "replace", "rmdir", "symlink", "system",
    "truncate", "unlink", "write",
}  # fmt: skip
_MODULES = {"_posixsubprocess", "_sqlite3", "sqlite3", os.name, "posix"}


class Sidesteps:
    """Records the calls of an action while one of its steps runs, but not while a port runs.

    It sees calls from Python code into the interpreter's own modules. A library in C that brings its own sockets (a
    database driver) is not seen: give such a thing to an action as a port.
    """

    def __init__(self) -> None:
        """Start with nothing found."""
        self.found: dict[str, None] = {}
        """What was seen, e.g. `sqlite3.Connection.execute at actions/mine.py:12`, in order."""

    @contextmanager
    def action(self) -> Iterator[None]:
        """Record calls in this context."""
        before = sys.getprofile()
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)

    @contextmanager
    def port(self) -> Iterator[None]:
        """Record nothing in this context."""
        before = sys.getprofile()
        sys.setprofile(None)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _see(self, frame: FrameType, event: str, called: object) -> None:
        if event != "c_call" or not isinstance(called, BuiltinFunctionType):
            return
        name = _name_of(called)
        # An import that happens late reads and writes files on its own behalf.
        if name is None or frame.f_code.co_filename.startswith("<frozen importlib"):
            return
        place = Path(frame.f_code.co_filename)
        self.found[f"{name} at {'/'.join(place.parts[-2:])}:{frame.f_lineno}"] = None


def _name_of(called: BuiltinFunctionType) -> str | None:
    """Return the name of a call that reaches outside; None for any other."""
    owner = getattr(called, "__self__", None)
    name = called.__name__
    if owner is None or isinstance(owner, type(os)):
        module = called.__module__ or ""
        if module in _MODULES and name in (_SYSTEM | _DATABASE):
            return f"{module.lstrip('_').replace('posix', 'os')}.{name}"
        return None
    kind = f"{type(owner).__module__.lstrip('_')}.{type(owner).__qualname__}.{name}"
    if isinstance(owner, sqlite3.Connection | sqlite3.Cursor):
        return kind if name in _DATABASE else None
    if isinstance(owner, socket.socket):
        return kind if name in _SOCKET else None
    if isinstance(owner, io.IOBase) and not isinstance(owner, io.StringIO | io.BytesIO):
        return kind if name in _FILE and owner not in (sys.stdout, sys.stderr) else None
    return None
