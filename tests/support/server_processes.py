"""The mail server and the webhook receiver for tests as processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@asynccontextmanager
async def process(module: str, *arguments: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run one of the servers as a process; yield the process and its port."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"streams.testing.{module}", *map(str, arguments)),
        stdout=subprocess.PIPE,
        env=dict(os.environ, LEADS_NOTIFY_SECRET=SECRET),
    )
    assert running.stdout is not None
    try:
        yield running, orjson.loads(await running.stdout.readline())["port"]
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


def lines(file: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]
