"""Metrics for Prometheus: the number of dead letters, and the time left before retention deletes the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streams.dead_letters.groups import counted, headroom
from streams.dead_letters.selection import Selection
from streams.interfaces.http.app_state import State, Viewer

if TYPE_CHECKING:
    from streams.dead_letters.groups import Count

router = APIRouter(tags=["metrics"])


@router.get("/metrics")
async def metrics(state: State, _: Viewer) -> Response:
    """Count dead letters for Prometheus, which sends a viewer's key as its bearer token."""
    everything = Selection(status=["all"]).condition(state.now())
    left = await state.read(headroom, now=state.now())
    counts = await state.read(counted, condition=everything)
    registry = CollectorRegistry()
    registry.register(_Collector(left, counts))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Collector:
    """Metric families of the counts."""

    def __init__(self, headroom: timedelta | None, counts: list[Count]) -> None:
        self._headroom = headroom
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
        if self._headroom is not None:
            yield GaugeMetricFamily(
                "leads_dead_letters_headroom_seconds",
                "Until retention deletes the oldest open dead letter from its topic.",
                value=self._headroom.total_seconds(),
            )
