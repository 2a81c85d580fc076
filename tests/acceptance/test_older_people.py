"""People stored by a build with older rules of reading stay one contact, and get no second welcome."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg
import pytest

from tests.acceptance.making import as_event, event_headers, person
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.chaos.figures import SEED, figure, seeded
from tests.chaos.load import Load
from tests.support.previous_build import unpack

OLDER = "43484db"
"""A commit whose rules read many spellings otherwise; its store and topics are upgraded."""
OLDER_ENTRY = "streams.cli.main"
PEOPLE = figure(160, 1_000, 5_000)
LOAD = figure(300, 3_000, 10_000)

WIDE = {ord("a") + index: chr(0xFF41 + index) for index in range(26)}


class Person(NamedTuple):
    """How one person typed the address that is their identity."""

    field: str
    first: str
    """As the older build read it."""
    later: tuple[str, ...]
    """As the same person types it after the upgrade."""


def plain(number: int) -> Person:
    email = f"ada.n{number}@customer.example"
    later = (
        f" {email.upper()} ", f"{email}\u200b", f"mailto:{email}", f"Ada N <{email}>", f"{email},",
        email.translate(WIDE), email.replace("@", "\uff20"),
    )  # fmt: skip
    return Person("email", email, later)


def apostrophe(number: int) -> Person:
    spellings = tuple(f"o{sign}neil{number}@customer.example" for sign in "'\u2019\u02bc\u2032\uff07")
    return Person("email", spellings[1 + number % 4], spellings)


def wide(number: int) -> Person:
    email = f"wide{number}@customer.example"
    return Person(
        "email", email.partition("@")[0].translate(WIDE) + "@customer.example", (email, email.upper())
    )


def ligature(number: int) -> Person:
    return Person(
        "email",
        f"\ufb01n{number}@customer.example",
        (f"fin{number}@customer.example", f"\ufb01n{number}@customer.example"),
    )


def slash(number: int) -> Person:
    phone = f"030 {4_000_000 + number}"
    return Person("phone", f"{phone}/68", (f"{phone}/68", phone, f"{phone} mobile"))


def remark(number: int) -> Person:
    phone = f"030 {5_000_000 + number}"
    return Person("phone", f"{phone} mobile", (f"{phone} mobile", phone, f"0049 30{5_000_000 + number}"))


def mobile(number: int) -> Person:
    digits = f"{7_000_000 + number}"
    later = (
        f"+49\u202f170\u202f{digits}",
        f"+49 (0) 170 {digits}",
        f"0049170{digits}",
        f"0170-{digits} (privat)",
    )
    return Person("phone", f"0170 {digits}", later)


def ambiguous(number: int) -> Person:
    phone = f"49171{6_000_000 + number}"
    return Person("phone", phone, (phone,))


KINDS: tuple[Callable[[int], Person], ...] = (
    plain,
    apostrophe,
    wide,
    ligature,
    slash,
    remark,
    mobile,
    ambiguous,
)


def told(person_: Person, spelling: str, event_id: str) -> Published:
    body = {person_.field: spelling, "name": "Ada N", "country": "DE", "lead_id": f"lead-{event_id}"}
    return Published(json.dumps(body).encode(), event_id.encode(), event_headers(event_id))


@pytest.mark.long_on("postgresql")
@pytest.mark.timeout(600)
def test_the_same_people_again_after_an_upgrade_under_load_are_no_second_contacts(
    any_stage: Stage, tmp_path: Path
) -> None:
    stage, random = any_stage, seeded("older people")
    build = unpack(OLDER, tmp_path)
    remove_tables(stage)
    stage.open(entry=OLDER_ENTRY, build=build)
    older = stage.start_as(OLDER_ENTRY, build=build)
    people = [KINDS[number % len(KINDS)](number) for number in range(PEOPLE)]
    stage.publish([told(each, each.first, f"o-{number}") for number, each in enumerate(people)])
    stage.settle(within=120)
    assert stage.count("SELECT count(*) FROM contacts") == PEOPLE
    written = sum(each.field == "email" for each in people)
    assert len(stage.mails.lines()) == written

    load = Load(stage, [as_event(number, person(number)) for number in range(LOAD)], per_second=60)
    load.start()
    stage.run("streams.interfaces.cli.main", "topics", "apply")
    newer = stage.start_worker()
    eventually(stage.members, lambda members: members == 2, within=60)
    code, _ = older.terminate(within=30)
    assert code == 0
    again = same_people(people, random)
    stage.publish(again)
    load.finish()
    stage.settle(within=180)

    assert newer.is_running
    assert stage.count("SELECT count(*) FROM contacts") == PEOPLE + LOAD
    mails = Counter(str(to) for mail in stage.mails.lines() for to in mail["to"])  # type: ignore[attr-defined]
    assert len(stage.mails.lines()) == written + LOAD
    assert set(mails.values()) == {1}
    verdict = stage.check()
    assert verdict["is_clean"], json.dumps(verdict, indent=2)
    aliases = stage.count("SELECT count(*) FROM contact_aliases")
    print(  # noqa: T201 - the figures of the run
        f"seed {SEED}: {PEOPLE} people of {OLDER}, {LOAD} leads during the upgrade, {len(again)} leads of the same "
        f"people again, {aliases} aliases: 0 second contacts, 0 second welcomes"
    )


def remove_tables(stage: Stage) -> None:
    """Leave an empty database, in which the older build makes its tables."""
    if stage.database.startswith("sqlite"):
        (stage.folder / "leads.db").unlink(missing_ok=True)
        return
    with psycopg.connect(stage.database.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def same_people(people: list[Person], random: Random) -> list[Published]:
    """Return a lead of every person in every later spelling, in any order."""
    leads = [
        told(each, spelling, f"n-{number}-{index}")
        for number, each in enumerate(people)
        for index, spelling in enumerate(each.later)
    ]
    random.shuffle(leads)
    return leads
