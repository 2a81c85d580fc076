"""This file starts and stops the processes around the demo: mail server, webhook receiver, worker."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from streams.interfaces.common.errors import CommandError
from streams.interfaces.demo.place import DemoFolder

START_S = 60.0
STOP_S = 12.0
"""A worker settles what is at work within ten."""
TAIL_LINES = 12
_READY = re.compile(rb"^\S+Z info +ready\b", re.MULTILINE)


class Child:
    """One module run as a process of its own; it ends with us, however we end (see leash)."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: DemoFolder,
    ) -> None:
        """Start it; its last words go to `logs/NAME.log`."""
        self.name = name
        self.log = folder.logs / f"{name}.log"
        self._log_began = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams.interfaces.demo.child", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environment),
                cwd=folder.path,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops its children in order
            )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    async def port(self) -> int:
        """Wait until a server says where it listens. Raises `CommandError`."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            async with asyncio.timeout(START_S):
                line = await asyncio.to_thread(self._process.stdout.readline)
            return int(json.loads(line)["port"])
        except (TimeoutError, ValueError, KeyError):
            raise self.failure("did not start") from None

    async def ready(self) -> None:
        """Wait until the worker says that it works. Raises `CommandError`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while self.is_running:
                    if _READY.search(self.words()):
                        return
                    await asyncio.sleep(0.05)
        raise self.failure("did not start")

    def words(self) -> bytes:
        """Give what it logged since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._log_began)
            return file.read()

    def failure(self, what: str) -> CommandError:
        """Say that it failed, with the end of its log."""
        tail = self.words().decode(errors="replace").splitlines()[-TAIL_LINES:]
        last = "\n".join(f"  {line}" for line in tail) or "  (it logged nothing)"
        return CommandError(f"the {self.name} {what}. The end of {self.log}:\n{last}")

    def ask_to_stop(self) -> None:
        """Ask for an orderly end; returns at once."""
        if self.is_running:
            self._process.terminate()

    def stop(self) -> None:
        """End it and wait for that; killed when it takes too long."""
        self.ask_to_stop()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Children:
    """All that were started; leaving the `with` block stops them, the worker first."""

    def __init__(self, folder: DemoFolder, environment: Mapping[str, str]) -> None:
        """Take where they run and what they are told."""
        self._folder = folder
        self._environment = environment
        self._running: list[Child] = []

    def start(self, name: str, module: str, *arguments: str, **variables: str) -> Child:
        """Start one; `variables` are added to its environment."""
        child = Child(name, module, arguments, {**self._environment, **variables}, self._folder)
        self._running.append(child)
        return child

    def mail_server(self, mails: Path, port: int = 0) -> Child:
        """Start the mail catcher."""
        return self.start(
            "mail server", "streams.testing.mail_server", "--port", str(port), "--file", str(mails)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._running:
            child.ask_to_stop()
        for child in self._running:
            child.stop()
