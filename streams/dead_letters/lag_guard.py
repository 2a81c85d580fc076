"""This file lets live traffic go before replays: a job asks for nothing while workers are behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LAG_EVERY_S = 0.5
Lag = Callable[[], Awaitable[int]]
"""Gives how many records live traffic waits for."""


class LiveTraffic:
    """Looks beside the job how far workers are behind: a look may take as long as many replays."""

    def __init__(self, lag: Lag | None, most: int | None) -> None:
        """`most` records may wait; without one of both nothing is looked at."""
        self._lag = lag
        self._most = most
        is_watched = lag is not None and most is not None
        self.waits_for: str | None = "a look at live traffic" if is_watched else None
        """For what the job waits; None: it need not."""
        self._failed: Exception | None = None

    async def watch(self) -> None:
        """Look until cancelled."""
        if self._lag is None or self._most is None:
            return
        try:
            while True:
                behind = await self._lag()
                is_late = behind > self._most
                self.waits_for = f"live traffic, {behind:,} records behind" if is_late else None
                await asyncio.sleep(LAG_EVERY_S)
        except Exception as error:  # noqa: BLE001 - the job raises it, which can do something about it
            self._failed = error

    def leaves_room(self) -> bool:
        """Whether the job may ask. Raises what looking raised."""
        if self._failed is not None:
            raise self._failed
        return self.waits_for is None
