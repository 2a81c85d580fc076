"""Plans and jobs."""

from __future__ import annotations

from tests.support.letters import lettered
from tests.support.requests import Requests

JOBS = "/v1/dead-letter-jobs"


async def test_the_plan_of_a_selection_names_it_as_a_command_would(requests: Requests) -> None:
    requests.index(lettered(1))

    plan = await requests.ask("POST", "/v1/dead-letter-plans", body={"select": {"class": ["poison"]}})

    assert b'"selector":"--class poison"' in plan.body.splitlines()[0]


async def test_a_job_takes_none_for_its_canary_and_for_yielding_and_refuses_what_commands_refuse(
    requests: Requests,
) -> None:
    options = "reason=x&canary=none&yield_to_lag=none&stop_if_fail=5%25"
    read = await requests.ask("POST", f"/v1/dead-letter-jobs?{options}", body=b"{}")
    refused = await requests.ask("POST", "/v1/dead-letter-jobs?reason=x&canary=0", body=b"{}")

    assert (read.status, read.json["title"]) == (422, "The plan cannot be used")
    assert (refused.status, refused.json["detail"].partition(":")[0]) == (422, "query.canary.0")


async def test_a_job_is_paused_resumed_and_cancelled_on_request_and_not_cancelled_twice(
    requests: Requests,
) -> None:
    job = await requests.start_job()
    why = {"reason": "look first"}

    answers = [
        await requests.ask("POST", f"{job}/{command}", body=why)
        for command in ("pause", "resume", "cancel", "cancel")
    ]
    listed = await requests.ask("GET", JOBS, "watcher")
    await requests.state.close()

    assert [answer.status for answer in answers] == [200, 200, 200, 409]
    assert [answer.json["status"] for answer in answers[:3]] == ["paused", "running", "cancelled"]
    assert listed.json == [answers[2].json]
