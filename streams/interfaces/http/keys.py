"""API keys of leads.toml, which holds only their hashes."""

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
        """Return the entry of this key; None when there is none or it has expired."""
        digest = hash_of(key)
        found = None
        for table in self.tables:
            # Compare with every key in constant time, so that the duration reveals nothing about them.
            if hmac.compare_digest(digest, table.sha256) and now < table.expires:
                found = table
        return found


def new_key() -> str:
    """Return a new key of 256 random bits, so many that its hash needs no salt."""
    return f"leads_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """Return the hash that leads.toml holds."""
    return hashlib.sha256(key.encode()).hexdigest()
