"""The metrics that Prometheus reads."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from tests.support.letters import MAIL, row
from tests.support.requests import Requests


async def test_letters_are_counted_by_their_labels_and_the_oldest_open_one_gives_the_headroom(
    requests: Requests,
) -> None:
    requests.index(row(1), row(2), row(3, **MAIL), row(4, status="resolved", age=timedelta(days=20)))

    answer = await requests.ask("GET", "/metrics", "watcher")

    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    counted = {
        (sample.labels["status"], sample.labels["action"], sample.labels["code"]): sample.value
        for sample in families["leads_dead_letters"].samples
    }
    assert answer.status == 200
    assert counted == {
        ("parked", "validate-lead", "NOT_JSON"): 2.0,
        ("parked", "send-welcome-email", "SMTP_REFUSED"): 1.0,
        ("resolved", "validate-lead", "NOT_JSON"): 1.0,
    }
    assert len(families["leads_dead_letters_headroom_seconds"].samples) == 1


async def test_without_open_letters_there_is_no_headroom(requests: Requests) -> None:
    answer = await requests.ask("GET", "/metrics", "watcher")

    assert b"headroom" not in answer.body
    assert (await requests.ask("GET", "/metrics", None)).status == 401
