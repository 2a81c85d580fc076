"""This file holds the checker to its word: healthy evidence passes, and every planted fault is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from copy import deepcopy
from random import Random

import pytest

from tests.checker.evidence import Evidence
from tests.checker.gather import gather
from tests.checker.judge import judge
from tests.integration.acceptance.faults import FAULTS, received_later, repeated_call
from tests.integration.acceptance.making import event_headers, mixture
from tests.integration.acceptance.stage import Published, Stage

POISON = Published(b'{"email": 17}', b"a key", [("x", b"1"), ("x", None), *event_headers("poison")])


@pytest.fixture(scope="module")
def healthy(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Evidence]]:
    """An installation that settled 150 leads and one poison record, and what is to be seen of it."""
    folder = tmp_path_factory.mktemp("healthy")
    stage = Stage(kafka, f"sqlite:///{folder / 'leads.db'}", folder)
    try:
        stage.open()
        leads = [record for record in mixture(150, Random(5)).records if record.key != b"poison"]
        stage.publish([*leads, POISON])
        worker = stage.start_worker()
        stage.settle(within=40)
        worker.terminate(within=15)
        files = (stage.mails.file, stage.webhooks.file)
        yield stage, gather(kafka, stage.prefix, stage.group, stage.database, *files)
    finally:
        stage.close()


@pytest.fixture
def evidence(healthy: tuple[Stage, Evidence]) -> Evidence:
    return deepcopy(healthy[1])


def test_healthy_evidence_has_no_finding_and_its_fates_add_up(evidence: Evidence) -> None:
    verdict = judge(evidence)

    assert verdict.is_clean, verdict.as_data()
    assert sum(verdict.counts["fates"].values()) == len(evidence.records["leads.received.v1"])
    assert verdict.counts["fates"]["letter"] == 1
    assert (verdict.uncertain, verdict.repeated_webhooks) == ([], [])


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(evidence: Evidence, name: str) -> None:
    kind, plant = FAULTS[name]

    plant(evidence)

    verdict = judge(evidence)
    assert not verdict.is_clean
    assert getattr(verdict, kind), verdict.as_data()


def test_what_is_still_unread_or_repeated_under_its_key_is_no_fault(evidence: Evidence) -> None:
    received_later(evidence)
    repeated_call(evidence)

    verdict = judge(evidence)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"]["on its way"] == 1
    assert len(verdict.repeated_webhooks) == 1


def test_the_program_sees_faults_in_topics_tables_and_files_by_itself(
    healthy: tuple[Stage, Evidence],
) -> None:
    stage, seen = healthy
    assigned = seen.records["leads.assigned.v1"][0]
    line = stage.mails.file.read_bytes().splitlines(keepends=True)[0]

    with stage.mails.file.open("ab") as file:
        file.write(line)
    connection = sqlite3.connect(stage.database.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("UPDATE contacts SET owner_id = NULL")
    connection.execute("DELETE FROM letters")
    connection.close()
    stage.publish([Published(assigned.value, assigned.key, assigned.headers)], topic="leads.assigned.v1")
    verdict = stage.check()

    assert not verdict["is_clean"]
    said = {finding["what"] for kind in ("lost", "doubled", "torn", "altered") for finding in verdict[kind]}
    assert said == {
        "one mail twice at the mail server",
        "LeadAssigned, but the contact has not this owner",
        "a letter that is not in the index",
    }
    assert verdict["counts"]["unread"] == {"leads.assigned.v1": 1}
