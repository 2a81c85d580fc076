"""This file answers /metrics: how many dead letters there are, and how long there is to decide about them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streams.dead_letters.groups import counted, stats
from streams.dead_letters.selector import Selector
from streams.http.office import TheOffice, Viewer
from streams.store.letters import EVERY

if TYPE_CHECKING:
    from streams.dead_letters.groups import Count, Stats

router = APIRouter(tags=["metrics"])


@router.get("/metrics")
async def metrics(at: TheOffice, _: Viewer) -> Response:
    """Count dead letters for Prometheus, which sends a viewer's key as its bearer token."""
    every = Selector(statuses=EVERY)
    seen = await at.database.run(partial(stats, selector=every, now=at.clock()))
    counts = await at.database.run(partial(counted, selector=every))
    registry = CollectorRegistry()
    registry.register(_Seen(seen, counts))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Seen:
    """One look, as families of metrics."""

    def __init__(self, seen: Stats, counts: list[Count]) -> None:
        self._seen = seen
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        letters = GaugeMetricFamily(
            "leads_dead_letters",
            "Dead letters in the index.",
            labels=("status", "action", "code", "class"),
        )
        for status, action, code, failure_class, number in self._counts:
            letters.add_metric((status, action, code, failure_class), number)
        yield letters
        if self._seen.headroom is not None:
            yield GaugeMetricFamily(
                "leads_dead_letters_headroom_seconds",
                "Until retention deletes the oldest open dead letter from its topic.",
                value=self._seen.headroom.total_seconds(),
            )
