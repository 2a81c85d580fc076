"""Take the mail server away under load for minutes: the step pauses, and no person has to clean up."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.acceptance.waiting import eventually
from tests.chaos.figures import SEED, databases, figure, seeded
from tests.chaos.rig import RECOVERS_WITHIN_S, Rig

OUTAGE_S = figure(12, 120, 300)
PER_SECOND = figure(60, 200, 200)
LETTERS_PER_MINUTE = 300
LETTERS = "SELECT count(*) FROM letters WHERE action = 'send-welcome-email'"
DRAINS_WITHIN_S = 60 + OUTAGE_S * 4
"""What waited goes out behind one another, at a mail server that takes 50 ms for each of 16."""
LIMIT_S = 260 + OUTAGE_S * 8


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_a_mail_server_that_is_away_pauses_its_step_and_each_contact_gets_one_mail_when_it_is_back(
    rig: Rig, result: Callable[[str], None]
) -> None:
    random = seeded("mail outage")
    rig.begin(random, workers=1, records=OUTAGE_S * PER_SECOND, per_second=PER_SECOND)
    time.sleep(2)
    before = rig.count(LETTERS)
    rig.mails.stop()
    down, seen_paused, most_lag = time.monotonic(), 0.0, 0
    while time.monotonic() < down + OUTAGE_S:
        status = json.loads(rig.run("streams.interfaces.cli.main", "status", "--json"))
        paused = [each for each in status["database"]["pauses"] if each["step"] == "send-welcome-email"]
        if paused and not seen_paused:
            seen_paused = time.monotonic() - down
            rig.tell(f"paused after {seen_paused:.1f} s: {paused[0]['reason']}")
        most_lag = max(most_lag, *(topic["waiting"] or 0 for topic in status["kafka"]["topics"]))
        time.sleep(1)
    letters = rig.count(LETTERS) - before
    rig.mails.start()
    healed, mails_before = time.monotonic(), len(rig.mails.lines())
    eventually(
        lambda: len(rig.mails.lines()),
        lambda mails: mails > mails_before,
        within=RECOVERS_WITHIN_S,
        every=0.1,
    )
    goes_on = time.monotonic() - healed
    rig.tell(
        f"the mail server was away for {OUTAGE_S} s, {letters} letters; mails go again after {goes_on:.1f} s"
    )
    rig.finish_load()
    rig.settle(within=DRAINS_WITHIN_S)
    drained = time.monotonic() - healed
    verdict = rig.end({"seed": SEED, "letters": letters, "most_lag": most_lag})
    eventually(
        lambda: json.loads(rig.run("streams.interfaces.cli.main", "status", "--json"))["database"]["pauses"],
        lambda found: not found,
        within=40,
    )

    mails = Counter(str(to) for line in rig.mails.lines() for to in line["to"])  # type: ignore[attr-defined]
    assert seen_paused, "nothing paused"
    assert letters < LETTERS_PER_MINUTE
    assert most_lag > letters, "what waits must show as lag"
    assert set(mails.values()) == {1}
    result(
        f"{OUTAGE_S} s at {PER_SECOND} leads/s: paused after {seen_paused:.1f} s, {letters} letters, "
        f"lag up to {most_lag}, "
        f"mails again {goes_on:.1f} s after healing, all drained after {drained:.0f} s, "
        f"{sum(mails.values())} mails, one per contact, "
        f"{len(verdict['uncertain'])} uncertain"
    )
