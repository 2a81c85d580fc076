"""Holds a run to what was put in: nothing is lost, duplicated or otherwise wrong, and every record has its fate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.acceptance.making import Mixture
from tests.acceptance.stage import Stage

KINDS = ("lost", "duplicated", "inconsistent", "altered", "misplaced", "stuck")


def judged(stage: Stage, made: Mixture, context: Mapping[str, object]) -> dict[str, Any]:
    """Return the verdict of `leads verify` on a stage that has settled `made`; fail unless it is clean.

    `told` is what a reader needs to repeat the run; it is shown with the verdict and kept in `verdict.json`.
    """
    verdict = stage.check()
    text = json.dumps({**context, **verdict}, indent=2)
    (stage.folder / "verdict.json").write_text(text)
    assert {kind: verdict[kind] for kind in KINDS if verdict[kind]} == {}, text
    assert verdict["not_judged"] == [], text
    counts = verdict["counts"]
    fates = {"rejected": 0, "letter": 0, "repetition": 0, **counts["fates"]}
    assert sum(fates.values()) == len(made.records), text
    assert fates.keys() <= {"onboarded", "rejected", "letter", "repetition"}, text
    assert (fates["rejected"], fates["repetition"]) == (made.rejected, made.repetitions), text
    assert counts["contacts"] == len(made.emails) + len(made.phones), text
    uncertain = len(verdict["uncertain"])
    # A lead of which both the mail and the notification are uncertain has two letters and one fate.
    in_doubt = stage.count("SELECT count(DISTINCT lead_id) FROM letters WHERE failure_class = 'uncertain'")
    assert fates["letter"] == made.poison + in_doubt, text
    # Each person has their mail, but for those that nobody can vouch for.
    assert len(made.emails) - uncertain <= counts["mails"] <= len(made.emails), text
    return verdict
