"""Start processes and exchange lines of JSON with them: contenders and outside servers."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import orjson
import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
STOP_WITHIN_S = 30.0
SERVERS = ("mail_server", "webhook_receiver")
"""The mail server and the webhook, by their modules' names."""


PREVIOUS = "previous"
"""Contender that is another build of this very software."""


def build_of(name: str, ours: str, previous: Path | None) -> tuple[str, Path]:
    """Return the contender's name in its build, and the build's folder; `ours` is what `PREVIOUS` runs as."""
    return (ours, previous) if name == PREVIOUS and previous is not None else (name, REPOSITORY)


class ContenderError(Exception):
    """A process ended, or was silent for too long; the message has the end of its log."""


class Talking:
    """A fresh Python process that says lines of JSON; `with` ends it."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        name: str,
        environment: Mapping[str, str] | None = None,
        build: Path = REPOSITORY,
    ) -> None:
        """Start `python -m arguments…` of a build in `folder`, its log beside; our own `LEADS_*` are not passed on."""
        self._name = name
        self._log = folder / f"{name}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=folder,
                env=inherited | {"PYTHONPATH": str(build)} | dict(environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._rest = b""

    def hear(self, word: str, timeout_s: float) -> Any:  # noqa: ANN401 - JSON
        """Wait for the line that has this word and give what it says. Raises `ContenderError`."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                line, found, rest = self._rest.partition(b"\n")
                if found:
                    self._rest = rest
                    message = orjson.loads(line)
                    if word in message:
                        return message[word]
                    continue
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise ContenderError(
                        f"{self._name} did not say {word!r} within {timeout_s:.0f} s\n{self.tail()}"
                    )
                read = os.read(self._process.stdout.fileno(), 65536)
                if not read:
                    code = self._process.wait(STOP_WITHIN_S)
                    raise ContenderError(f"{self._name} ended with exit code {code}\n{self.tail()}")
                self._rest += read

    def end(self, timeout_s: float) -> int:
        """Wait until it ends by itself and give its exit code. Raises `ContenderError`."""
        try:
            self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ContenderError(
                f"{self._name} did not end within {timeout_s:.0f} s\n{self.tail()}"
            ) from None
        return self._process.returncode

    def cpu_s(self) -> float:
        """User and system time it has used until now, in seconds. It must be running."""
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def let_go(self) -> None:
        """Close its standard input: it is to stop in order."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def tail(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-2000:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def outside(server: str, folder: Path, secret: str, port: int = 0) -> Talking:
    """Start one of `SERVERS`; what it takes goes into `folder`. It says its `port`, which is the one given unless 0."""
    return Talking(
        [
            f"streams.testing.{server}",
            "--no-fsync",
            "--port",
            str(port),
            "--file",
            str(taken(server, folder)),
        ],
        folder,
        server,
        {"LEADS_NOTIFY_SECRET": secret},
    )


def taken(server: str, folder: Path) -> Path:
    """File with a line of JSON for each mail or request that the server took."""
    return folder / f"{server}.jsonl"
