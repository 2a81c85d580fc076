"""The Faust app is built for our transport, and for nothing that Faust would do by itself."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from streams.engine.assembly import assemble
from streams.engine.faust.app import AppSettings, agents_of, create_app, credentials_of
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.kafka.address import parse_kafka
from streams.testing import Cluster

SETTINGS = AppSettings(parse_kafka("127.0.0.1:9092"), "leads", 10.0)


async def settle(_: RecordBatch) -> Unfinished:
    return SETTLED


async def test_agents_that_share_a_topic_have_a_backlog_and_others_have_none() -> None:
    agents = {"one": ("shared", settle), "two": ("shared", settle), "alone": ("own", settle)}

    app = create_app(SETTINGS, agents, asyncio.Event())

    assert dict(app.agents_by_topic) == {"shared": ("one", "two"), "own": ("alone",)}
    assert {topic: len(backlogs) for topic, backlogs in app.backlogs_by_topic.items()} == {"shared": 2}
    assert sorted(name.rpartition(".")[2] for name in app.agents) == ["alone", "one", "two"]


async def test_faust_declares_no_topic_and_serves_no_web() -> None:
    app = create_app(SETTINGS, {"one": ("topic", settle)}, asyncio.Event())

    assert not app.conf.topic_allow_declare
    assert not app.conf.web_enabled
    assert (app.conf.id, app.conf.broker_session_timeout, app.conf.consumer_auto_offset_reset) == (
        "leads",
        10.0,
        "earliest",
    )


@pytest.mark.parametrize(
    ("kafka", "kind"),
    [("a:1", "NoneType"), ("ssl://a:1", "SSLCredentials"), ("sasl+ssl://me:pw@a:1", "SASLCredentials")],
)
def test_credentials_always_bring_their_tls(kafka: str, kind: str) -> None:
    credentials = credentials_of(parse_kafka(kafka))

    assert type(credentials).__name__ == kind
    assert credentials is None or any(isinstance(each, ssl.SSLContext) for each in vars(credentials).values())


async def test_every_step_has_an_agent_beside_those_for_requests_and_letters(cluster: Cluster) -> None:
    agents = agents_of(cluster.installation, assemble(cluster.installation))

    assert list(agents) == [*(step.name for step in cluster.workflow.steps), "requests", "letters"]
    assert agents["assign_owner"][0] == "crm.contacts.upserted.v1"
