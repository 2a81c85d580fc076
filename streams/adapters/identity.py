"""The port Identity: contact keys are keyed hashes, so that they carry no personal data."""

from __future__ import annotations

import hmac


class HmacIdentity:
    """HMAC-SHA256 of the normalised e-mail, else of the E.164 phone."""

    def __init__(self, secret: bytes) -> None:
        """Take LEADS_SECRET; with another secret the same people become other contacts."""
        self._secret = secret

    def contact_key(self, *, email: str | None, phone: str | None) -> str:
        """See `actions.ports.Identity.contact_key`; return 64 hex digits."""
        # An e-mail contains @ and a phone begins with +, so the two never collide.
        text = email or phone
        if not text:
            msg = "a contact needs an e-mail or a phone"
            raise ValueError(msg)
        return hmac.digest(self._secret, text.encode(), "sha256").hex()
