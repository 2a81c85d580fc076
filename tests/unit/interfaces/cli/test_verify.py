"""`leads verify` prints each fault with its meaning and the next step."""

from __future__ import annotations

import pytest

from streams.interfaces.cli.verify import print_verdict
from streams.operations.verify.findings import Fault, Finding, Findings
from streams.operations.verify.judge import Verdict
from tests.support.in_process import Leads

COUNTS = {
    "records": 2,
    "ledger": 1,
    "contacts": 0,
    "fates": {"onboarded": 1},
    "received": 1,
    "unread": {"leads.received.v1": 1},
    "uncertain": 0,
}
FAULT = Fault("lost", "a result was never published", "a step did not go on", "run catch-up")


def test_findings_beyond_the_limit_are_counted_and_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    findings = Findings(limit=1)
    findings.add(Finding(FAULT, {"lead": f"l{number}"}) for number in range(3))

    print_verdict(Verdict(findings, COUNTS))

    assert capsys.readouterr().out.splitlines() == [
        "Read 2 records, 1 ledger row and 0 contacts.",
        "Leads received: 1 (1 onboarded)",
        "Under way: 1 record not settled yet.",
        "",
        "LOST: a result was never published (3 times)",
        "  It means: a step did not go on",
        "  Do now:   run catch-up",
        "  - lead l0",
        "  - and 2 more; --limit prints more of them",
        "",
    ]


def test_a_verdict_without_findings_ends_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(Verdict(Findings(limit=1), COUNTS, unjudged={"records of an unknown action": 2}))

    printed = capsys.readouterr().out
    assert "Not judged: 2 records of an unknown action.\n" in printed
    assert printed.endswith("\nNothing was found.\n")


def test_verify_starts_no_local_kafka(leads: Leads) -> None:
    leads.monkeypatch.delenv("LEADS_KAFKA")

    refused = leads.run("verify")

    assert (refused.code, refused.out) == (2, "")
    assert "LEADS_KAFKA is not set" in refused.err
