"""Errors that no single room owns."""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting or leads.toml cannot be used; the message is one sentence that names the place and the next step."""
