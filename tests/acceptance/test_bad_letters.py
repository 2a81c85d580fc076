"""Broken letters, requests, plans, files and expressions do no harm to a real installation."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.bad_letters import GOOD, UNWANTED, Installation, bad_requests
from tests.acceptance.commanding import rows, topic_ends
from tests.acceptance.eight_causes import CALM
from tests.acceptance.forking import Forking
from tests.acceptance.making import as_event, person
from tests.acceptance.stage import Stage

AUDIT = "leads.audit.v1"
WHY = ("--reason", "why")


@pytest.fixture(scope="module")
def bad(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests of this file, because it takes long to make."""
    folder = tmp_path_factory.mktemp("bad")
    stage = Stage(kafka, f"sqlite:///{folder / 'leads.db'}", folder)
    try:
        stage.open(CALM)
        with closing(Forking(stage.environment)) as commands:
            yield Installation.write(stage, commands)
    finally:
        stage.close()


def state(bad: Installation) -> tuple[object, ...]:
    """Return everything that a refused command must leave unchanged."""
    return rows(bad.stage), topic_ends(bad.stage), len(bad.stage.records(AUDIT))


@pytest.mark.timeout(240)
def test_what_a_stranger_writes_is_reported_with_its_place_and_healthy_leads_get_through(
    bad: Installation,
) -> None:
    stage, log = bad.stage, bad.worker.log.read_text()

    known = bad.letters()
    listed = bad.leads("list", "--json").lines
    groups = bad.leads("groups", "--json").lines
    shown = {what: bad.leads("show", letter_id) for what, letter_id in bad.ids.items()}
    (checked,) = bad.leads("check", "--json", code=1).lines
    bad.leads("list")
    bad.leads("stats")

    assert bad.worker.is_running
    assert (stage.count("SELECT count(*) FROM contacts"), len(stage.mails.lines())) == (GOOD + 1, GOOD + 1)
    assert [text for text in UNWANTED if text in log] == []
    for place, message in bad.refused.items():
        assert f"not a dead letter at {place}: header __dlq.errors.{message}" in log
    asked = Counter(code for code, _ in bad_requests(stage).values() if code)
    codes = Counter(code for letter_id, (_, code) in known.items() if letter_id not in bad.ids.values())
    assert codes == asked + Counter({"BAD_REQUEST": 1, "TOO_LARGE": 1})
    assert {known[letter_id] for letter_id in bad.ids.values()} == {("parked", "WRONG_TYPE")}
    assert {line["id"] for line in listed} == set(known)
    assert sum(group["count"] for group in groups) == len(known)
    for what, message in {
        "unknown action": "fail again with UNKNOWN_ACTION: workflow new-lead-onboarding has no action 'paint-the-",
        "newer action": "A replay would succeed and publish crm.lead.validated.v1.",
        "newer event": "fail again with UNKNOWN_TYPE: ce_type 'crm.lead.received.v2' does not belong",
        "unknown field": "A replay would do nothing: it was done meanwhile.",
        "tampered": "fail again with TAMPERED: the value's SHA-256 is not that of the dead letter; `edit --value",
        "no JSON": "fail again with NOT_JSON: the value is not JSON",
        "escapes": r"failed on 2026-11-23 at 08:00:00Z: \x1b]0;owned\x07\x1b[2J.",
    }.items():
        assert message in shown[what].out
    verdicts = {"unreadable": 4, "unknown-action": 6, "tampered": 3, "would-resolve": 1, "noop": 1}
    assert checked["verdicts"] == verdicts


@pytest.mark.timeout(240)
def test_unusable_options_and_files_are_refused_with_the_next_step_and_change_nothing(
    bad: Installation,
) -> None:
    plan, plans, imports = written(bad)
    ids, before = bad.ids, state(bad)
    some = ids["newer action"]
    big = bad.file("big", b"x" * 300_000)
    one = bad.file("one.json", b'{"op": "remove", "path": "/country"}')

    refused: list[tuple[int, str, tuple[str, ...]]] = [
        (2, "not a class of failures; did you mean poison?", ("list", "--class", "posion")),
        (2, "'opne' is not one of 'open'", ("list", "--status", "opne")),
        (2, "`leads dead-letters groups` lists them", ("list", "--group", "xyz")),
        (2, "is not before --until", ("list", "--since", "3d", "--until", "4d")),
        (2, "write 2026-11-23T20:15:00Z", ("list", "--since", "99999999d")),
        (2, "write 100", ("apply", plan, *WHY, "--rate", "0")),
        (2, "--rate -1 is not a number", ("apply", plan, *WHY, "--rate", "-1")),
        (2, "--rate nan is not a number", ("apply", plan, *WHY, "--rate", "nan")),
        (2, "write 1,10,100, or none", ("apply", plan, *WHY, "--canary", "0")),
        (2, "write 1,10,100, or none", ("apply", plan, *WHY, "--canary", "x")),
        (2, "'101%' is not a percentage; write 5%", ("apply", plan, *WHY, "--stop-if-fail", "101%")),
        (2, "--max-in-flight", ("apply", plan, *WHY, "--max-in-flight", "0")),
        (2, "write 1000, or none", ("apply", plan, *WHY, "--yield-to-lag", "x")),
        (2, "--reason is empty; say in a few words why", ("apply", plan, "--reason", " ")),
        *((2, message, ("apply", file, *WHY)) for file, message in plans),
        (2, "--set 'country' is not a change; write --set email=", ("edit", some, *WHY, "--set", "country")),
        (2, "is not a JSON array of operations", ("edit", some, *WHY, "--patch", one)),
        (2, "there is no encoding 'klingon'; windows-1252", ("edit", some, *WHY, "--encoding", "klingon")),
        (2, "no recipe 'nope'; it has strip-country", ("repair", some, *WHY, "--recipe", "nope")),
        (1, "add /a/b does not fit the record", ("edit", some, *WHY, "--set", "a.b=1")),
        (1, "300000 bytes large; it may have 262144", ("edit", some, *WHY, "--value", big)),
        (1, "not valid JSON at character 1; --value", ("edit", ids["no JSON"], *WHY, "--set", "a=1")),
        (1, "changes the event's id", ("edit", ids["structured"], *WHY, "--set", "id=s-2", "--json")),
        (1, "SHA-256 differs; --value", ("repair", ids["tampered"], *WHY, "--recipe", "strip-country")),
        *((2, message, ("import", file, *WHY)) for file, message in imports),
    ]  # fmt: skip
    for code, message, arguments in refused:
        ended = bad.leads(*arguments, code=code, message=message)
        assert code == 1 or ended.out == ""
    where = bad.leads("plan", "--where", "code == X", code=2).err.splitlines()
    caret = where[2].index("^")
    assert (where[1][caret:], "expected a value" in where[0]) == ("= X", True)
    for table, named in (
        ("[[recipes]]\nname = 1", "recipes.1.name should be"),
        ("[[api_keys]]\nrole = 1", "api_keys.0.name is missing"),
    ):
        broken = bad.file("broken.toml", (bad.stage.folder / "leads.toml").read_bytes() + table.encode())
        bad.leads("check", code=2, message=f"broken.toml: {named}", settings={"LEADS_CONFIG": broken})
    away = {"LEADS_KAFKA": "127.0.0.1:1"}
    bad.leads("discard", some, *WHY, code=3, message="LEADS_KAFKA", settings=away)

    assert state(bad) == before


def written(bad: Installation) -> tuple[str, list[tuple[str, str]], list[tuple[str, str]]]:
    """Return a correct plan, and broken plans and files to import, each with the expected message."""
    bad.leads("plan", "--all", "--out", plan := str(bad.stage.folder / "all.plan"))
    some = (bad.ids["no JSON"], bad.ids["newer action"])
    bad.leads("export", *some, "--out", file := str(bad.stage.folder / "all.ndjson"), *WHY)
    whole = Path(plan).read_bytes()
    head, first, *_ = lines = whole.splitlines(keepends=True)
    letters = Path(file).read_bytes().splitlines(keepends=True)
    plans = [
        (whole.replace(b'"generation":0', b'"generation":1'), "was changed after it was written"),
        (b"".join(lines[:-1]), "is truncated: its last line is missing; make a new plan"),
        (whole[:-9], f"line {len(lines)} is not valid JSON"),
        (b"", "is not a plan of this build; make one with `leads dead-letters plan`"),
        (b"\x00\xff\x1b\n", "line 1 is not valid JSON at character 0"),
        (whole.replace(b'"leads_plan":1', b'"leads_plan":2'), "is not a plan of this build"),
        (signed(head, first, first), "occurs 2 times; make a new plan"),
    ]
    tampered = {**json.loads(letters[0]), "value": "e30="}
    imports = [
        (
            b"".join(letters) + b"{oops\n",
            f"line {len(letters) + 1} is not valid JSON at character 1; nothing was imported",
        ),
        (letters[1] + json.dumps(tampered).encode(), "line 2: the value is not that of letter"),
        (b"\x89PNG\r\n\x1a\n", "line 1 is not valid JSON at character 0"),
    ]
    return (
        plan,
        [(bad.file(f"{number}.plan", content), message) for number, (content, message) in enumerate(plans)],
        [
            (bad.file(f"{number}.ndjson", content), message)
            for number, (content, message) in enumerate(imports)
        ],
    )


def signed(*lines: bytes) -> bytes:
    """Return a plan of these lines with the right checksum."""
    checksum = hashlib.sha256(b"".join(lines)).hexdigest()
    return b"".join(lines) + json.dumps({"totals": {}, "sha256": checksum}).encode() + b"\n"


@pytest.mark.timeout(240)
def test_a_job_skips_what_cannot_be_done_a_replay_explains_it_and_the_index_can_be_rebuilt(
    bad: Installation,
) -> None:
    ids, stage = bad.ids, bad.stage
    plan = str(stage.folder / "ours.plan")
    bad.leads("plan", *ids.values(), "--out", plan, "--json")
    head, first, *_ = Path(plan).read_bytes().splitlines(keepends=True)
    unknown: dict[str, Any] = {**json.loads(first), "id": "0" * 8 + ids["tampered"][8:]}
    elsewhere = bad.file("elsewhere.plan", signed(head, json.dumps(unknown).encode() + b"\n"))
    stage.publish([replace(as_event(1, {}), key=b"k", value=b'{"act": "schedule", "about": "x"}')], AUDIT)

    (job,) = bad.leads("apply", plan, *WHY, "--json", code=1).lines
    (other,) = bad.leads("apply", elsewhere, *WHY, "--json", code=1).lines
    twice = [
        bad.leads(
            "replay", ids["tampered"], ids["unknown action"], ids["newer action"], "--json", code=1
        ).lines
        for _ in range(2)
    ]
    mended = bad.leads("edit", ids["tampered"], *WHY, "--value", bad.file("right", b'{"phone": "+49 30 1"}'))
    (done,) = bad.leads("replay", ids["tampered"], "--json").lines
    before = bad.letters()
    with sqlite3.connect(stage.folder / "leads.db") as store:
        store.execute("DELETE FROM letters")
    (reindexed,) = bad.leads("reindex", "--json").lines
    stage.publish(as_event(number, person(number)) for number in range(GOOD, GOOD + 5))
    stage.settle(within=60)

    why = {line["id"]: line["reason"] for line in job["letters"] if line["state"] == "skipped"}
    assert why[ids["tampered"]] == "it would fail again: TAMPERED"
    assert why[ids["newer event"]] == "it would fail again: UNKNOWN_TYPE"
    assert set(ids.values()) - set(why) == {ids["newer action"], ids["unknown field"]}
    assert "it is not here" in other["letters"][0]["reason"]
    for generation, lines in enumerate(twice, 1):
        assert {(line["id"], line["outcome"], line["code"], line["generation"]) for line in lines} == {
            (ids["tampered"], "failed again", "TAMPERED", generation),
            (ids["unknown action"], "failed again", "UNKNOWN_ACTION", generation),
            (ids["newer action"], "noop", "WRONG_TYPE", 0),
        }
    assert (mended.out, done["outcome"]) == ("1 letter edited.\n", "resolved")
    assert (reindexed["foreign"], bad.letters()) == (len(bad.refused), before)
    assert stage.count("SELECT count(*) FROM contacts") == GOOD + 1 + 5
    verified = bad.commands.run("verify", "--json")
    assert (verified.code, {each["what"] for each in verified.json["found"]}) == (
        5,
        {
            "a record that is not a dead letter on the topic of dead letters",
            "a letter that is not in the index",
            "a letter of a record that is not there",
            "the letter's value is not that of the record",
            "the letter has wrong headers about its record",
        },
    )
    assert bad.worker.terminate(within=15)[0] == 0
    assert [text for text in UNWANTED if text in bad.worker.log.read_text()] == []
