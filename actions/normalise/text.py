"""Tidies text: composed letters (NFC), nothing invisible, no blank ends, and one space between the words of a line."""

from __future__ import annotations

from unicodedata import normalize

from actions.normalise.folding import visible
from actions.normalise.refused import Remarks, too_long

LINE_LENGTH = 200
"""Characters of a name, a company, a city, …"""
WEBSITE_LENGTH = 2_000
MESSAGE_LENGTH = 10_000


def line(text: str, remarks: Remarks | None = None) -> str | None:  # noqa: ARG001 - as all normalisers
    """One line: trimmed, white space collapsed; None when blank. Raises `Refused` (TOO_LONG)."""
    # ASCII text is composed already, and to see that costs next to nothing.
    tidy = (
        " ".join(text.split())
        if text.isascii() and "\x7f" not in text
        else " ".join(visible(normalize("NFC", text)).split())
    )
    if len(tidy) > LINE_LENGTH:
        raise too_long(len(tidy), LINE_LENGTH)
    return tidy or None


def block(text: str, remarks: Remarks | None = None, *, allowed: int = MESSAGE_LENGTH) -> str | None:  # noqa: ARG001
    """Text with its line breaks: trimmed; None when blank. Raises `Refused` (TOO_LONG)."""
    tidy = text.strip() if text.isascii() and "\x7f" not in text else _shown(normalize("NFC", text).strip())
    if len(tidy) > allowed:
        raise too_long(len(tidy), allowed)
    return tidy or None


def _shown(text: str) -> str:
    # Directions and emoji of a message mean something; a message of nothing but invisible characters does not.
    return text if visible(text).strip() else ""


def website(text: str, remarks: Remarks | None = None) -> str | None:
    """Trim an address as people type it, with or without scheme: it is kept, never called."""
    return block(text, remarks, allowed=WEBSITE_LENGTH)
