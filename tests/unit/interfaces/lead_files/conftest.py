"""A reader of files of leads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.interfaces.lead_files.leadfile import BadLine, Format, LeadFile, Options, Row, open_leads
from streams.interfaces.lead_files.source import Source, open_input
from tests.support.lead_files import Read

Open = Callable[..., LeadFile]


@pytest.fixture
def source_of_bytes(tmp_path: Path) -> Iterator[Callable[[bytes], Source]]:
    """Return sources over files with given contents."""
    descriptors = []

    def opening(content: bytes) -> Source:
        path = tmp_path / "content"
        path.write_bytes(content)
        descriptors.append(open_input(str(path)))
        return Source(descriptors[-1])

    yield opening
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.fixture
def opened(source_of_bytes: Callable[[bytes], Source]) -> Open:
    """Return files of leads with given contents; options as in `Options`."""

    def opening(content: bytes | str, name: str = "leads.csv", **options: object) -> LeadFile:
        raw = content if isinstance(content, bytes) else content.encode()
        return open_leads(source_of_bytes(raw), name, Options(**options))  # type: ignore[arg-type]

    return opening


@pytest.fixture
def read(opened: Open) -> Read:
    """Read the leads of a file with this content."""

    def reading(content: bytes, kind: Format) -> list[Row | BadLine]:
        return list(opened(content, format=kind))

    return reading
