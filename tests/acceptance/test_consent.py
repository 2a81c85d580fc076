"""Nobody who said no is written to, whatever happens to workers, letters and servers meanwhile."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.acceptance.commanding import leads
from tests.acceptance.making import as_event, event_headers, person
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.chaos.figures import SEED, figure, seeded, time_limit

PEOPLE = figure(300, 10_000, 40_000)
KILLS = figure(2, 20, 100)
ANSWER_S = 0.02
SUPPRESSED = "contacts.suppressed.v1"
RECORDED = "suppressions.recorded.v1"
EARLIER, LATER, AFTERWARDS = (f"2026-11-{day}T08:00:00Z" for day in ("01", "20", "25"))

CONFIG = """
[retry]
delays = ["2s", "2s", "2s"]
"""

Said = dict[str, object]

NOES: tuple[Said, ...] = (
    {"consent": {"marketing": False}},
    {"consent": {"marketing": "nein"}},
    {"consent": {"marketing": True}, "Email Opt Out": "true"},
    {"HasOptedOutOfEmail": 1},
    {"attributes": {"doNotEmail": "1"}},
    {"Unsubscribed from all email": "yes"},
    {"Email Marketing Status": "unsubscribed"},
    {"Newsletter": "opted-out"},
)
"""Ways in which a lead says no."""
YESES: tuple[Said, ...] = (
    {},
    {"consent": {"marketing": True}},
    {"consent": {"marketing": "perhaps"}},
    {"Email Opt Out": "0"},
    {"Newsletter": "subscribed"},
)
"""Ways in which a lead does not object."""
REASONS = ("unsubscribed", "bounced", "complained", "operator")


def address(number: int) -> str:
    return str(person(number)["email"])


def told(number: int, event_id: str, said: Said | None = None, time: str = EARLIER) -> Published:
    """Return a lead of `person(number)` that says this, too."""
    body = json.dumps({**person(number), **(said or {}), "lead_id": f"lead-{event_id}"}).encode()
    return Published(body, f"lead-{number}".encode(), event_headers(event_id, time=time))


def suppression(number: int, reason: str, time: str = EARLIER) -> Published:
    """Return the event that a person must not be written to, in another spelling of the address."""
    body = json.dumps({"email": address(number).upper(), "reason": reason, "time": time}).encode()
    headers = event_headers(f"s-{number}-{reason}-{time}", type="crm.contact.suppressed.v1")
    return Published(body, b"any", headers)


def suppress(stage: Stage, records: Sequence[Published], within: float = 90) -> None:
    """Publish suppressions and wait until each is recorded."""
    before = len({record.header("ce_causationid") for record in stage.records(RECORDED)})
    stage.publish(records, SUPPRESSED)
    eventually(
        lambda: len({record.header("ce_causationid") for record in stage.records(RECORDED)}),
        lambda now: now >= before + len(records),
        within=within,
        every=0.5,
    )


def mails(stage: Stage) -> Counter[str]:
    """Return the number of mails by address, as the mail server has them."""
    return Counter(str(to).lower() for mail in stage.mails.lines() for to in mail["to"])  # type: ignore[attr-defined]


def import_file(stage: Stage, numbers: Sequence[int], file: Path) -> None:
    """Publish people from a file with an opt-out column, as a CRM exports it."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["Email", "First Name", "Email Opt Out"])
        writer.writerows([address(number), "Again", "1"] for number in numbers)
    leads(stage, "publish", str(file))


class Groups(NamedTuple):
    """Numbers of people by what they say."""

    say_no: Sequence[int]
    """In a lead of theirs."""
    suppressed: Sequence[int]
    """Before their first lead."""
    imported: Sequence[int]
    """In a file."""
    retried: Sequence[int]
    """After their mail failed and before it is tried again."""
    say_yes: Sequence[int]
    """Or nothing."""

    @property
    def refused(self) -> set[str]:
        """The addresses that must get no mail."""
        return {address(number) for group in self[:4] for number in group}


def groups(random: Random) -> Groups:
    everybody = list(range(PEOPLE))
    random.shuffle(everybody)
    cuts = [PEOPLE * share // 100 for share in (0, 35, 50, 60, 65, 100)]
    return Groups(*(everybody[begin:end] for begin, end in pairwise(cuts)))


@pytest.mark.long
@pytest.mark.timeout(time_limit(240, 30, KILLS))
def test_nobody_who_said_no_gets_a_mail_and_a_later_yes_gets_one(any_stage: Stage, tmp_path: Path) -> None:
    stage, random = any_stage, seeded("consent")
    people = groups(random)
    stage.mails.delay_s = ANSWER_S
    stage.open(CONFIG)
    stage.start_worker()

    say_no_before_the_retry(stage, people.retried, random)
    live_with_kills(stage, people, random)
    import_file(stage, people.imported, tmp_path / "people.csv")
    stage.publish([told(number, f"i-{number}") for number in people.imported])
    broken = [broken_lead(number) for number in random.sample(people.say_no, len(people.say_no) // 20)]
    stage.publish(broken)
    stage.settle(within=120 + PEOPLE / 50)
    mend_letters(stage, len(broken), random)
    stage.settle(within=120)

    counted = mails(stage)
    assert {who: number for who, number in counted.items() if who in people.refused} == {}
    assert set(counted.values()) == {1}
    doubtful = stage.count("SELECT count(*) FROM letters WHERE failure_class = 'uncertain'")
    assert len(people.say_yes) - doubtful <= len(counted) <= len(people.say_yes)

    changed = random.sample(people.say_no, len(people.say_no) // 10)
    yes: Said = {"consent": {"marketing": True}}
    stage.publish([told(number, f"l-{number}", yes, AFTERWARDS) for number in changed])
    stage.settle(within=120)
    now = mails(stage)
    assert {address(number): now[address(number)] for number in changed} == {
        address(number): 1 for number in changed
    }
    assert len(now) == len(counted) + len(changed)
    assert stage.check()["is_clean"]
    print(  # noqa: T201 - the figures of the run
        f"seed {SEED}: {PEOPLE} people, {KILLS} kills, {len(people.refused)} said no, 0 mails to them; "
        f"{len(counted)} of {len(people.say_yes)} others have one mail, "
        f"{doubtful} uncertain; {len(changed)} later yeses, one mail each"
    )


def say_no_before_the_retry(stage: Stage, numbers: Sequence[int], random: Random) -> None:
    """Let the mails of people fail while the mail server is away, and let them say no before it is back."""
    stage.mails.stop()
    stage.publish([told(number, f"r-{number}") for number in numbers])
    waiting = "SELECT count(*) FROM letters WHERE action = 'send-welcome-email'"
    eventually(lambda: stage.count(waiting), bool, within=60)
    suppress(stage, [suppression(number, random.choice(REASONS), LATER) for number in numbers])
    stage.mails.start()


def live_with_kills(stage: Stage, people: Groups, random: Random) -> None:
    """Publish leads and suppressions in slices, and kill a worker in each; then repeat a part of the leads."""
    first = [told(number, f"n-{number}", random.choice(NOES)) for number in people.say_no]
    first += [told(number, f"y-{number}", random.choice(YESES)) for number in people.say_yes]
    random.shuffle(first)
    size, wave = (len(group) // (KILLS + 1) + 1 for group in (first, people.suppressed))
    for number in range(KILLS + 1):
        stage.publish(first[number * size : (number + 1) * size])
        if number < KILLS:
            random.choice(stage.running).kill()
            while len(stage.running) < 1 + number % 2:
                stage.start_worker()
        if silent := people.suppressed[number * wave : (number + 1) * wave]:
            suppress(stage, [suppression(each, random.choice(REASONS), LATER) for each in silent])
            stage.publish([told(each, f"s-{each}", random.choice(YESES)) for each in silent])
    said_no = [*people.say_no, *people.suppressed]
    nothing_new: tuple[Said | None, ...] = (None, {"Email Opt Out": "0"})
    again = [
        told(each, f"a-{each}", random.choice(nothing_new))
        for each in random.sample(said_no, len(said_no) // 2)
    ]
    stage.publish(again + random.sample(first, len(first) // 5))


def broken_lead(number: int) -> Published:
    """Return a lead of somebody who said no, which a person has to repair first."""
    event = as_event(100_000 + number, person(number))
    return replace(event, value=json.dumps({"email": [address(number)], "lead_id": f"b-{number}"}).encode())


def mend_letters(stage: Stage, broken: int, random: Random) -> None:
    """Repair the broken leads, replay them, and replay everything once more."""
    ids = [
        str(each["id"])
        for each in leads(stage, "dead-letters", "list", "--code", "WRONG_TYPE", "--limit", "100000")
    ]
    assert len(ids) == broken
    patch = stage.folder / "first.json"
    patch.write_text('[{"op": "move", "from": "/email/0", "path": "/email"}]')
    leads(stage, "dead-letters", "edit", *ids, "--patch", str(patch), "--reason", "a list")
    random.shuffle(ids)
    leads(stage, "dead-letters", "replay", *ids, "--reason", "mended", code=None)
    leads(stage, "dead-letters", "replay", "--all", "--reason", "all again", code=None)
