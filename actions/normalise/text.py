"""Tidies text: composed letters (NFC), no blank ends, and one space between the words of a line."""

from __future__ import annotations

from unicodedata import normalize

from actions.normalise.refused import too_long

LINE_LENGTH = 200
"""Characters of a name, a company, a city, …"""
WEBSITE_LENGTH = 2_000
MESSAGE_LENGTH = 10_000


def line(text: str) -> str | None:
    """One line: trimmed, white space collapsed; None when blank. Raises `Refused` (TOO_LONG)."""
    # ASCII text is composed already, and to see that costs next to nothing.
    tidy = " ".join(text.split()) if text.isascii() else " ".join(normalize("NFC", text).split())
    if len(tidy) > LINE_LENGTH:
        raise too_long(len(tidy), LINE_LENGTH)
    return tidy or None


def block(text: str, allowed: int = MESSAGE_LENGTH) -> str | None:
    """Text with its line breaks: trimmed; None when blank. Raises `Refused` (TOO_LONG)."""
    tidy = text.strip() if text.isascii() else normalize("NFC", text).strip()
    if len(tidy) > allowed:
        raise too_long(len(tidy), allowed)
    return tidy or None


def website(text: str) -> str | None:
    """Trim an address as people type it, with or without scheme: it is kept, never called."""
    return block(text, WEBSITE_LENGTH)
