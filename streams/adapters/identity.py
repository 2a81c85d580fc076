"""The port Identity: the contact key is a keyed hash, so that keys carry no personal data."""

from __future__ import annotations

import hmac


class HmacIdentity:
    """HMAC-SHA256 of the normalised e-mail, else of the E.164 phone."""

    def __init__(self, secret: bytes) -> None:
        """Take LEADS_SECRET; another secret makes other contacts of the same people."""
        self._secret = secret

    def contact_key(self, *, email: str | None, phone: str | None) -> str:
        """See `actions.ports.Identity.contact_key`; 64 hex digits."""
        # An e-mail has an @ and a phone begins with +: the two cannot be mistaken for each other.
        text = email or phone
        if not text:
            msg = "a contact needs an e-mail or a phone"
            raise ValueError(msg)
        return hmac.digest(self._secret, text.encode(), "sha256").hex()
