"""Runs the mail server, webhook receiver and worker of the demo; they end when the demo ends, even if it is killed.

Each runs as `python -m streams.interfaces.demo.child MODULE ARGUMENTS…`; the demo holds the other end of its stdin.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from streams.interfaces.common.errors import CommandError

if TYPE_CHECKING:
    from streams.interfaces.demo.folder import DemoFolder

START_S = 60.0
STOP_S = 12.0
"""A worker settles its batch within ten seconds."""
TAIL_LINES = 12
_READY = re.compile(rb"^\S+Z info +ready\b", re.MULTILINE)


class Child:
    """A module that runs as a process of its own."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: DemoFolder,
    ) -> None:
        """Start it; its stderr goes to `logs/NAME.log`."""
        self.name = name
        self.log = folder.logs / f"{name}.log"
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams.interfaces.demo.child", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environment),
                cwd=folder.path,
                start_new_session=True,  # Ctrl-C goes to the demo alone, which then stops its children in order
            )

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    async def port(self) -> int:
        """Wait until a server prints the port it listens on. Raise `CommandError` when it does not."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            async with asyncio.timeout(START_S):
                line = await asyncio.to_thread(self._process.stdout.readline)
            return int(json.loads(line)["port"])
        except (TimeoutError, ValueError, KeyError):
            raise self.failure("did not start") from None

    async def ready(self) -> None:
        """Wait until a worker logs that it is ready. Raise `CommandError` when it does not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while self.is_running:
                    if _READY.search(self._logged()):
                        return
                    await asyncio.sleep(0.05)
        raise self.failure("did not start")

    def failure(self, problem: str) -> CommandError:
        """Return an error about the process, with the end of its log."""
        tail = self._logged().decode(errors="replace").splitlines()[-TAIL_LINES:]
        lines = "\n".join(f"  {line}" for line in tail) or "  (it logged nothing)"
        return CommandError(f"the {self.name} {problem}. The end of {self.log}:\n{lines}")

    def _logged(self) -> bytes:
        with self.log.open("rb") as file:
            file.seek(self._log_begin)
            return file.read()

    def stop(self) -> None:
        """Terminate the process and wait; kill it when that takes too long."""
        if self.is_running:
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class DemoServers:
    """The three processes. `with` starts the mail server and the webhook receiver, and stops all three at the end."""

    def __init__(self, folder: DemoFolder, environment: Mapping[str, str], secret: str) -> None:
        """Take the folder and environment of the processes, and the secret that signs webhooks."""
        self._folder = folder
        self._environment = {**environment, "LEADS_NOTIFY_SECRET": secret}
        self._running: list[Child] = []
        self.mail_port = self.webhook_port = 0

    def __enter__(self) -> Self:
        self._mail_server = self._start_mail_server()
        self._webhook_receiver = self._start(
            "webhook receiver", "streams.testing.webhook_receiver", "--file", str(self._folder.webhooks)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def start_worker(self) -> None:
        """Start the worker and wait until it is ready. Raise `CommandError` when a process does not start."""
        self.mail_port = await self._mail_server.port()
        self.webhook_port = await self._webhook_receiver.port()
        self.worker = self._start(
            "worker",
            "streams.interfaces.cli.main",
            "worker",
            LEADS_SMTP=f"smtp://127.0.0.1:{self.mail_port}",
            LEADS_NOTIFY=f"http://127.0.0.1:{self.webhook_port}/",
        )
        await self.worker.ready()

    def stop_mail_server(self) -> None:
        """Stop the mail server."""
        self._mail_server.stop()

    async def restart_mail_server(self) -> None:
        """Start the mail server again on its former port."""
        self._mail_server = self._start_mail_server()
        await self._mail_server.port()

    def stop(self) -> None:
        """Stop all processes, the worker before the servers that it calls."""
        for child in sorted(self._running, key=lambda child: child.name != "worker"):
            child.stop()
        self._running.clear()

    def _start_mail_server(self) -> Child:
        port, file = str(self.mail_port), str(self._folder.mails)
        return self._start("mail server", "streams.testing.mail_server", "--port", port, "--file", file)

    def _start(self, name: str, module: str, *arguments: str, **variables: str) -> Child:
        child = Child(name, module, arguments, {**self._environment, **variables}, self._folder)
        self._running.append(child)
        return child


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass  # Nothing is ever written: the read ends when the demo does, also when it is killed.
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run a module; terminate in an orderly way when stdin closes."""
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
