"""Runs the product's processes as a user does: worker, mail server and webhook receiver, each with its own pid."""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LEASHED = Path(__file__).parent / "leashed.py"
STARTS_WITHIN_S = 30.0
PORTS = range(10_001, 16_000, 2)  # below those of local brokers and of outgoing connections


def clean_environment() -> dict[str, str]:
    """Return the environment without the settings that a developer's shell happens to have."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}


def free_port() -> int:
    """Return a port that is free, as is the next one, and that the system gives to no outgoing connection."""
    return next(port for port in random.sample(PORTS, len(PORTS)) if _is_free(port) and _is_free(port + 1))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Process:
    """One process with its log file."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, root: Path = REPOSITORY
    ) -> None:
        """Start `python -m arguments…` of the build in `root`; its stderr is appended to `log`."""
        self.log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(LEASHED), *arguments],
                cwd=root,
                env={**clean_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal without waiting for its effect."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self._process.kill()
        self._process.wait(timeout=10)

    def wait(self, *, within: float) -> int:
        """Wait until it ends by itself. Return its exit code. Raise subprocess.TimeoutExpired."""
        return self._process.wait(timeout=within)

    def terminate(self, *, within: float) -> tuple[int, float]:
        """Send SIGTERM. Return exit code and seconds until the end. Raise subprocess.TimeoutExpired."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=within), time.monotonic() - began

    def close(self) -> None:
        """End it in whatever state it is."""
        if self.is_running:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def first_line(self) -> bytes:
        """Wait for its first line on stdout."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            assert selector.select(STARTS_WITHIN_S), f"no line on stdout; its log ends {self.tail()}"
        return self._process.stdout.readline()

    def tail(self, lines: int = 30) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Server:
    """Mail server or webhook receiver: stopped and started again on the port it had."""

    def __init__(self, module: str, file: Path, environment: Mapping[str, str] | None = None) -> None:
        """`file` gets a JSON line per mail or request, written to disk before it is acknowledged."""
        self._module = module
        self._environment = dict(environment or {})
        self.file = file
        self.port = 0
        self.delay_s = 0.0
        """Before each answer."""
        self._process: Process | None = None

    def start(self) -> None:
        arguments = [
            self._module,
            "--port",
            str(self.port),
            "--file",
            str(self.file),
            "--delay",
            str(self.delay_s),
        ]
        self._process = Process(arguments, self._environment, self.file.with_suffix(".log"))
        self.port = json.loads(self._process.first_line())["port"]

    def stop(self) -> None:
        """Kill it, as if its machine had lost power."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def lines(self) -> list[dict[str, object]]:
        """Return what it accepted, from its file."""
        if not self.file.exists():
            return []
        return [
            json.loads(line)
            for line in self.file.read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n")
        ]
