"""A reader of files of leads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.interfaces.lead_files.leadfile import BadLine, Format, Row, read_leads
from streams.interfaces.lead_files.lines import Lines, open_input
from tests.support.lead_files import Read


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read the leads of a file with this content."""

    def reading(content: bytes, kind: Format) -> list[Row | BadLine]:
        path = tmp_path / "leads"
        path.write_bytes(content)
        descriptor = open_input(str(path))
        try:
            return list(read_leads(Lines(descriptor), kind))
        finally:
            os.close(descriptor)

    return reading
