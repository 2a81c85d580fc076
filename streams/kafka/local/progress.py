"""How a start reports its progress to its caller."""

from typing import Protocol


class StartProgress(Protocol):
    """Called with a short sentence, and how much of it is done.

    ``done`` and ``total`` count bytes; both are 0 for a step that has no measure. Calls come one at a time, but not
    always from the thread that asked.
    """

    def __call__(self, step: str, done: int, total: int, /) -> None: ...


def silent(step: str, done: int, total: int, /) -> None:
    """Tell nobody."""
