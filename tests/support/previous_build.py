"""Unpacks an earlier build from this repository's history, to run it beside today's or to create its data."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def unpack(commit: str, folder: Path) -> Path:
    """Unpack the build of a commit and return its folder. A shallow clone lacks the commit."""
    build = folder / f"build-{commit[:7]}"
    build.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit, "topics", "actions", "streams", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        opened.extractall(build, filter="data")
    return build
