"""How tests read files of leads."""

from __future__ import annotations

from collections.abc import Callable

from streams.interfaces.lead_files.leadfile import BadLine, Format, Row

Read = Callable[[bytes, Format], list[Row | BadLine]]
"""Return the leads and bad lines of a file with this content."""
