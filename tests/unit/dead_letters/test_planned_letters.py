"""A job keeps to its plan: its order, its predictions, and only letters that are still as planned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
import pytest

from actions.errors import PermanentError
from actions.ports import Mail
from streams.dead_letters.job import outcomes
from streams.dead_letters.job_limits import JobProgress
from streams.dead_letters.patching import Patch
from streams.dead_letters.plan import PlanItem
from streams.dead_letters.planned_letters import BusyContacts, difference, in_order, marks_of, skip_reason
from streams.dead_letters.prediction import Prediction
from streams.store import ledger, letters
from streams.store.jobs import ItemRow
from streams.store.ledger import LedgerRow
from streams.store.letters import LetterRow
from streams.store.schema import DONE, FAILED
from streams.testing.cluster import GROUP
from streams.testing.leads import lead
from tests.support.letters import row
from tests.support.replay_harness import ReplayHarness
from topics.events import LeadAssigned

FIRST, SECOND = "1" * 32, "2" * 32
"""Ids of downstream events."""
MINE = replace(row(1), job="mine")
ID = MINE.letter.id
PREDICTION = Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID)
ITEM = ItemRow(0, ID, "waiting", PlanItem.of(MINE, PREDICTION, "2.0").model_dump())


def outcome_and_changes(row: LedgerRow) -> tuple[str | None, list[str]]:
    """Return the outcome of an event and the fields it changed."""
    body = orjson.loads(row.result or b"{}")
    return body.get("outcome"), sorted(body.get("changed", []))


def item(number: int, contact: str | None = None, *, follows: tuple[str, ...] = (), **would: Any) -> ItemRow:  # noqa: ANN401
    planned = {"contact": contact, "follows": list(follows), "would": would}
    return ItemRow(number, f"letter-{number}", "waiting", planned)


def ledger_row(event_id: str, status: int = DONE) -> tuple[bytes, LedgerRow]:
    key = bytes.fromhex(event_id)
    return key, LedgerRow(key, "a", 1, "r", "l", None, status, 0, 1, None, None, None, None, 0, 0)


def numbers(chosen: list[ItemRow]) -> list[int]:
    return [each.position for each in chosen]


def test_owners_take_one_turn_at_a_time_and_no_letter_overtakes_them() -> None:
    waiting = [item(1), item(2, is_new_owner=True), item(3), item(4, is_new_owner=True), item(5)]

    assert numbers(in_order(waiting, [], (), 10)) == [1, 2, 3]
    assert numbers(in_order(waiting, [item(0, is_new_owner=True)], (), 10)) == [1]


def test_a_letter_waits_while_its_contact_is_busy_with_an_earlier_one() -> None:
    waiting = [item(1, "ann", follows=(FIRST,)), item(2, "ann"), item(3, "bob"), item(4, "bob")]

    assert numbers(in_order(waiting, [], (), 10)) == [1, 3, 4]
    assert numbers(in_order(waiting, [item(0, "bob", follows=(FIRST,))], (), 10)) == [1]
    assert numbers(in_order(waiting, [], {"ann"}, 10)) == [3, 4]
    assert numbers(in_order(waiting, [], (), 1)) == [1]


def test_a_contact_is_busy_until_all_downstream_steps_are_done_or_one_failed() -> None:
    busy = BusyContacts(patience_s=120)
    busy.begin(item(0, "ann", follows=(FIRST, SECOND)), now=0.0)

    ids = frozenset((bytes.fromhex(FIRST), bytes.fromhex(SECOND)))
    assert busy.awaited([item(1, "ann"), item(2, "bob"), item(3)]) == {"ann": ids}
    assert busy.awaited([item(2, "bob")]) == {}
    assert busy.still_busy(["ann"], dict([ledger_row(FIRST)]), now=1.0) == {"ann"}
    assert busy.still_busy(["ann"], dict([ledger_row(FIRST), ledger_row(SECOND)]), now=2.0) == set()
    assert busy.awaited([item(1, "ann")]) == {}

    busy.begin(item(0, "ann", follows=(FIRST, SECOND)), now=3.0)
    assert busy.still_busy(["ann"], dict([ledger_row(FIRST, FAILED)]), now=4.0) == set()


def test_a_contact_is_free_again_when_its_downstream_steps_take_too_long() -> None:
    busy = BusyContacts(patience_s=120)
    busy.begin(item(0, "ann", follows=(FIRST,)), now=0.0)

    assert busy.still_busy(["ann"], {}, now=120.0) == {"ann"}
    assert busy.still_busy(["ann"], {}, now=120.1) == set()


@pytest.mark.parametrize(
    ("now", "would", "reason"),
    [
        (MINE, PREDICTION.essence, None),
        (None, None, "it does not exist any more"),
        (MINE, None, "it does not exist any more"),
        (replace(MINE, job="another"), PREDICTION.essence, "this job has released it"),
        (replace(MINE, status="replaying"), PREDICTION.essence, "it is replaying now"),
    ],
)
def test_a_letter_is_replayed_only_while_it_rests_and_belongs_to_the_job(
    now: LetterRow | None, would: dict[str, Any] | None, reason: str | None
) -> None:
    assert skip_reason("mine", ITEM, now, would) == reason


def test_a_difference_names_the_actions_and_no_contact() -> None:
    planned = {
        "verdict": "would-resolve",
        "changes": ["company"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "sent",
                "calls": [{"key": "welcome:k", "state": "goes-out"}],
            },
        ],
    }
    now = {
        "verdict": "would-resolve",
        "changes": ["company", "phone"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "skipped",
                "calls": [{"key": "welcome:k", "state": "held"}],
            },
        ],
    }

    assert difference(planned, now) == (
        "changes company -> company, phone, send-welcome-email outcome sent -> skipped, "
        "send-welcome-email calls welcome goes-out -> welcome held"
    )


async def test_each_letter_ends_as_its_plan_predicts(replays: ReplayHarness) -> None:
    await replays.fail_mails(7)
    await replays.publish(b"{poison", "e-poison")
    plan = replays.plan()

    ended = await replays.run(await replays.create(plan))

    assert ended.status == "done"
    assert ended.counts == {"resolved": 7, "skipped": 1}
    assert sorted(mail.to for mail in replays.world.mails) == [f"p{each}@example.com" for each in range(7)]
    assert replays.rows()[0].letter.code == "NOT_JSON"


async def test_each_letter_is_compared_with_its_plan(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    plan = replays.plan()
    job = await replays.create(plan)

    def refuse_one(mail: Mail) -> None:
        if mail.to == "p1@example.com":
            raise PermanentError("SMTP_REFUSED", "no such mailbox")

    replays.world.fail = refuse_one
    await replays.run(job)

    assert {(item.state, item.found) for item in replays.items(job)} == {
        ("resolved", None),
        ("failed", "failed again: SMTP_REFUSED, not as planned"),
    }


async def test_a_letter_that_has_changed_since_the_plan_is_skipped_with_the_reason(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(3)
    plan = replays.plan()
    edited, again, _ = (item.id for item in plan.items)
    cluster = replays.cluster
    done = await replays.commands.edit(
        [edited], Patch("edit", [{"op": "add", "path": "/owner/name", "value": "X"}]), "why"
    )
    (row,) = replays.rows([again])
    worse = row.letter.__class__.from_headers(
        [(n, b"1" if n.endswith(".generation") else v) for n, v in row.letter.headers()]
    )
    cluster.database.transact(
        lambda link: letters.index(
            link, [LetterRow("parked", None, worse, None, row.key, row.value, row.headers)], 0
        )
    )

    job = await replays.create(plan)
    await replays.run(job)

    assert done.changed == [edited]
    assert [(item.state, item.found) for item in replays.items(job)] == [
        ("skipped", "its record was edited since"),
        ("skipped", f"it has failed again since: {row.letter.code}"),
        ("resolved", None),
    ]


async def test_a_letter_whose_replay_would_end_differently_now_is_skipped(replays: ReplayHarness) -> None:
    replays.world.go_down()
    await replays.publish(lead(email="ada@example.com"), "e-1")
    plan = replays.plan()
    replays.world.come_back()
    await replays.publish(lead(email="ada@example.com"), "e-2")  # its welcome is sent before the replay

    job = await replays.create(plan)
    await replays.run(job)

    (item,) = replays.items(job)
    assert item.state == "skipped"
    assert "outcome sent -> skipped" in (item.found or "")


async def test_downstream_steps_end_as_the_plan_predicts(replays: ReplayHarness) -> None:
    for number, (email, company) in enumerate([("a", "One"), ("b", "One"), ("a", "Two")]):
        broken = {
            "email": f"{email}@example.com",
            "company": company,
            "country": "\u0007",
            "lead_id": f"L{number}",
        }
        await replays.publish(orjson.dumps(broken), f"e-{number}")
        replays.cluster.clock.advance(seconds=1)
    strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
    await replays.commands.edit([row.letter.id for row in replays.rows()], strip, "why")
    plan = replays.plan()

    ended = await replays.run(await replays.create(plan))
    await replays.cluster.settle()

    assert (ended.status, ended.counts) == ("done", {"resolved": 3})
    for number, item in enumerate(plan.items):
        rows = replays.cluster.database.transact(partial(ledger.of_lead, lead_id=f"L{number}"))
        came = {row.action: (row.result_type, outcome_and_changes(row)) for row in rows}
        then = item.would["then"]
        last = [step.action.kebab for step in replays.cluster.workflow.reading(LeadAssigned)]
        assert [each["action"] for each in then if each["action"] in last] == last
        for each in then:
            planned = (each.get("outcome"), each.get("changes", []))
            assert came[each["action"]] == (each["event"], planned)
    mails = [
        call["state"]
        for item in plan.items
        for each in item.would["then"]
        for call in each.get("calls", [])
        if each["action"] == "send-welcome-email"
    ]
    assert mails == ["goes-out", "goes-out", "held"]
    assert len(replays.world.mails) == 2


async def test_a_letter_waits_for_the_downstream_steps_of_its_contacts_earlier_letter(
    replays: ReplayHarness,
) -> None:
    for number in range(2):
        await replays.publish(b'{"email": "a@example.com", "country": "\\u0007"}', f"e-{number}")
    strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
    await replays.commands.edit([row.letter.id for row in replays.rows()], strip, "why")
    job, cluster = await replays.create(replays.plan()), replays.cluster
    reports: list[JobProgress] = []
    running = asyncio.create_task(job.run(reports.append))

    for _ in range(30):  # run the requests, but no downstream step
        requests = cluster.unread(cluster.names.requests)
        await cluster.work(cluster.worker, cluster.names.requests, requests)
        for record in requests:
            cluster.log.commit(GROUP, record)
        await asyncio.sleep(0.01)
    meanwhile = reports[-1].counts
    while not running.done():
        await cluster.settle()
        await asyncio.sleep(0.01)

    assert meanwhile == {"resolved": 1, "waiting": 1}
    assert (await running).counts == {"resolved": 2}


async def test_a_result_that_differs_from_the_plan_is_noted(replays: ReplayHarness) -> None:
    await replays.fail_mails(1)
    job = await replays.create(replays.plan())
    await replays.run(job)
    (item,) = replays.items(job)
    would = {**item.planned["would"], "outcome": "skipped", "changes": ["phone"]}
    other = replace(item, planned={**item.planned, "would": would, "owner": "ada"})

    came = replays.cluster.database.transact(partial(outcomes, asked={item.letter_id: 0}))
    ((_, _, remark),) = replays.cluster.database.transact(
        lambda link: marks_of(link, {item.letter_id: other}, came)
    )

    assert remark == (
        "planned resolved crm.lead.welcomed.v1 skipped (phone) ada, got resolved crm.lead.welcomed.v1 sent"
    )


async def test_only_one_of_two_repaired_copies_of_an_event_is_done(replays: ReplayHarness) -> None:
    for _ in range(2):
        await replays.publish(b'{"email": "a@example.com", "country": "\\u0007"}', "e-1")
    strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
    await replays.commands.edit([row.letter.id for row in replays.rows()], strip, "why")
    plan = replays.plan()

    ended = await replays.run(await replays.create(plan))

    assert [item.would["verdict"] for item in plan.items] == ["would-resolve", "noop"]
    assert ended.counts == {"resolved": 1, "noop": 1}
