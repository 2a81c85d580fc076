"""Runs commands of `leads` on an installation, and returns states to compare before and after."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.processes import REPOSITORY, clean_environment
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually
from tests.support.outside_client import ends

TABLES = ("contacts", "ledger", "effects", "turns", "letters")


def leads(
    stage: Stage, *arguments: str, code: int | None = 0, within: float = 180, build: Path = REPOSITORY
) -> list[dict[str, Any]]:
    """Run `leads … --json` and return its lines; fail when it ends with another exit code (None: any)."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.interfaces.cli.main", *arguments, "--json"],
        cwd=build,
        env={**clean_environment(), **stage.environment},
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert code is None or done.returncode == code, (
        done.returncode,
        done.stdout[-2000:],
        done.stderr[-4000:],
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def killed(stage: Stage, *arguments: str, once: Callable[[], bool]) -> None:
    """Start `leads …` and kill it with SIGKILL once `once` is true; fail when it ends before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.interfaces.cli.main", *arguments],
        cwd=REPOSITORY,
        env={**clean_environment(), **stage.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: process.poll() is not None or once(), bool, within=60)
    assert process.poll() is None, "it ended before it was to be killed"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)


def rows(stage: Stage, *tables: str) -> dict[str, str]:
    """Return a digest of every row of these tables."""
    digests = {}
    for table in tables or TABLES:
        dumped = sorted(repr(tuple(row)) for row in stage.sql(f"SELECT * FROM {table}"))
        digests[table] = hashlib.sha256("\n".join(dumped).encode()).hexdigest()
    return digests


def topic_ends(stage: Stage) -> dict[tuple[str, int], int]:
    """Return the end offset of every partition."""
    return dict(ends(stage.kafka, stage.prefix))
