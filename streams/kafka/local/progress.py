"""Report the progress of a start to its caller."""

from typing import Protocol


class StartProgress(Protocol):
    """A function called with a short sentence about a step, and how much of the step is done.

    ``done`` and ``total`` count bytes; both are 0 for a step without a measure. Calls come one at a time, but not
    always from the caller's thread.
    """

    def __call__(self, step: str, done: int, total: int, /) -> None: ...


def silent(step: str, done: int, total: int, /) -> None:
    """Report nothing."""
