"""Who may ask: API keys of leads.toml, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.settings import ApiKeyTable


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are accepted."""

    tables: Sequence[ApiKeyTable]

    def find(self, key: str, now: datetime) -> ApiKeyTable | None:
        """Return whose key it is; None when it is nobody's, or expired."""
        digest = hash_of(key)
        found = None
        for table in self.tables:
            # All are compared, in constant time: how long it takes tells nothing.
            if hmac.compare_digest(digest, table.sha256) and now < table.expires:
                found = table
        return found


def new_key() -> str:
    """Make a key: 256 random bits, so that a plain hash of it cannot be guessed back."""
    return f"leads_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """Return the hash that leads.toml holds."""
    return hashlib.sha256(key.encode()).hexdigest()
