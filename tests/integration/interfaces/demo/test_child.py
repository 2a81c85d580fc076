"""Processes around the demo start with its settings and end with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.interfaces.common.errors import CommandError
from streams.interfaces.demo.child import Child
from streams.interfaces.demo.folder import DemoFolder


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    made = DemoFolder(tmp_path)
    made.make()
    return made


def child(folder: DemoFolder, *arguments: str) -> Child:
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return Child("mail server", "streams.testing.mail_server", arguments, environment, folder)


async def test_a_server_prints_its_port_and_runs_until_it_is_stopped(folder: DemoFolder) -> None:
    server = child(folder, "--file", str(folder.mails))
    try:
        port = await server.port()
        is_running = server.is_running
    finally:
        server.stop()

    assert (port > 0, is_running, server.is_running) == (True, True, False)


async def test_a_server_that_does_not_start_is_reported_with_the_end_of_its_log(folder: DemoFolder) -> None:
    server = child(folder, "--no-such-option")
    try:
        with pytest.raises(CommandError, match=r"the mail server did not start(.|\n)*--no-such-option"):
            await server.port()
    finally:
        server.stop()


async def test_a_server_ends_when_the_demo_no_longer_holds_its_stdin(folder: DemoFolder) -> None:
    server = child(folder)
    try:
        await server.port()

        assert server._process.stdin is not None
        server._process.stdin.close()

        assert server._process.wait(30) == 0
    finally:
        server.stop()
