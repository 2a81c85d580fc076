"""Runs `leads` as a person or a script does: as a process, with its exit code, stdout and stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "streams.interfaces.cli.main")
ROSTER = '[[owners]]\nid = "ada"\nname = "Ada"\nemail = "ada@acme.example"\n'


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Stdout as JSON Lines; raise `ValueError` for anything else."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as one JSON document."""
        (document,) = self.lines
        return document


@dataclass(frozen=True, slots=True)
class Commands:
    """`leads` with these LEADS_* variables and no others."""

    settings: Mapping[str, str]

    def set(self, **settings: str) -> Commands:
        """Return the same with other variables, named without LEADS_; an empty one counts as not set."""
        return Commands(
            {**self.settings, **{f"LEADS_{name.upper()}": text for name, text in settings.items()}}
        )

    def run(self, *arguments: str, stdin: bytes = b"", within: float = 60) -> Ended:
        """Run the command to its end."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=within,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command with pipes for stdin, stdout and stderr."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The settings, and the shell's variables without its `LEADS_*`."""
        shell = {name: text for name, text in os.environ.items() if not name.startswith("LEADS_")}
        return {**shell, **self.settings}


def ended(
    process: subprocess.Popen[bytes], number: signal.Signals | None = None, *, within: float = 20
) -> Ended:
    """Send a signal, if one is given, and wait for the end. Its stdin stays open until then."""
    if number is not None:
        process.send_signal(number)
        process.wait(timeout=within)
    out, err = process.communicate(timeout=within)
    return Ended(process.returncode, out.decode(), err.decode())
