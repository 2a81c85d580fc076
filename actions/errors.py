"""The errors of actions, by what the runtime does about them.

ActionError
├── PermanentError    dead-letter now; the same event would fail again
├── TransientError    retry inline, then as a scheduled letter; `retry_after` wins over the policy
└── UncertainError    an outside call may or may not have happened; parked for a person

Anything else an action raises is a defect: dead-lettered at once and counted.
"""

from __future__ import annotations

from datetime import timedelta


class ActionError(Exception):
    """Root of the errors that an action raises on purpose. `code` is stable: people route and group on it."""

    def __init__(self, code: str, message: str = "") -> None:
        """Take an UPPER_SNAKE `code` and a sentence without personal data."""
        super().__init__(message or code)
        self.code = code
        self.message = message or code


class PermanentError(ActionError):
    """The action refuses this event for good."""


class TransientError(ActionError):
    """The action could not do it now and may later, e.g. a server that is down or asks to wait."""

    def __init__(self, code: str, message: str = "", *, retry_after: timedelta | None = None) -> None:
        """`retry_after` is the other side's own word (HTTP Retry-After) and makes the failure `throttled`."""
        super().__init__(code, message)
        self.retry_after = retry_after


class UncertainError(ActionError):
    """A crash fell between an outside call and the record of its outcome."""

    def __init__(self, message: str, code: str = "UNCERTAIN") -> None:
        """Take a sentence that names the call by its key."""
        super().__init__(code, message)
