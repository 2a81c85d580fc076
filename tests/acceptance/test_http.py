"""Use a real `leads serve` as a console does: permissions, states and results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest

from streams.interfaces.http.keys import hash_of
from tests.acceptance.commanding import leads
from tests.acceptance.eight_causes import EACH, fail
from tests.acceptance.processes import Process, free_port
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually

KEYS = "\n".join(
    f'[[api_keys]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{hash_of(name)}"\nexpires = {expires}\n'
    for name, role, expires in (
        ("watcher", "viewer", "2099-01-01T00:00:00Z"),
        ("ann", "operator", "2099-01-01T00:00:00Z"),
        ("gone", "operator", "2020-01-01T00:00:00Z"),
    )
)
LETTERS = "/v1/dead-letters"
WRONG = {"code": ["CONTROL_CHARACTER"]}


@dataclass(frozen=True)
class Answer:
    """The response to one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it is
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Sends requests with an API key; a key is the name of its owner."""

    port: int

    def ask(
        self, method: str, path: str, key: str | None = "ann", body: object = None, **headers: str
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        named |= {} if key is None else {"Authorization": f"Bearer {key}"}
        named |= {"Content-Type": "application/json"} if raw and not isinstance(body, bytes) else {}
        try:
            connection.request(method, path, raw, named)
            answer = connection.getresponse()
            return Answer(
                answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    fail(stage, extra_config=KEYS)
    port = free_port()
    server = Process(
        ["streams.interfaces.cli.main", "serve", "--listen", f"127.0.0.1:{port}"],
        stage.environment,
        stage.folder / "serve.log",
    )
    made = Client(port)

    def answers() -> int:
        try:
            return made.ask("GET", LETTERS, None).status
        except OSError:
            return 0

    try:
        eventually(answers, bool, within=30)
        yield made
        assert server.terminate(within=15)[0] == 0
        assert "Traceback" not in server.tail(1000)
    finally:
        server.close()


@pytest.mark.timeout(240)
def test_letters_are_looked_at_edited_and_replayed_over_http_by_those_who_may(
    client: Client, stage: Stage
) -> None:
    # Who may what.
    assert [client.ask("GET", LETTERS, key).status for key in (None, "stranger", "gone", "watcher")] == [
        401, 401, 401, 200,
    ]  # fmt: skip
    give_up = {"reason": "why", "select": WRONG}
    assert client.ask("POST", f"{LETTERS}/commands/discard", "watcher", give_up).status == 403

    # What stands there is what the commands say.
    listed = client.ask("GET", f"{LETTERS}?code=CONTROL_CHARACTER&limit=1000", "watcher").json
    assert listed == leads(stage, "dead-letters", "list", "--code", "CONTROL_CHARACTER", "--limit", "1000")
    assert len(listed) == EACH
    letter = f"{LETTERS}/{listed[0]['id']}"
    shown = client.ask("GET", letter, "watcher")
    assert shown.json["replay"]["code"] == "CONTROL_CHARACTER"
    assert "value" not in shown.json["record"]
    assert "email" in client.ask("POST", f"{letter}/reveal", "ann", {"reason": "ticket"}).json["value"]

    # One is edited as it was seen, and only so.
    patch = {"reason": "typo", "patch": [{"op": "remove", "path": "/country"}]}
    assert client.ask("PATCH", letter, "ann", patch).status == 428
    seen = shown.headers["etag"]
    assert client.ask("PATCH", letter, "ann", patch, If_Match=seen).json["skipped"] == []
    assert client.ask("PATCH", letter, "ann", patch, If_Match=seen).status == 412

    # The others are repaired; all are planned and replayed.
    repaired = client.ask(
        "POST",
        f"{LETTERS}/commands/repair",
        "ann",
        {"reason": "form", "select": WRONG, "recipe": "strip-country"},
    ).json
    assert (len(repaired["changed"]), len(repaired["skipped"])) == (EACH - 1, 1)
    plan = client.ask("POST", "/v1/dead-letter-plans", "watcher", {"select": WRONG}).body
    begun = client.ask("POST", "/v1/dead-letter-jobs?reason=repaired&canary=1", "ann", plan)
    assert begun.status == 202, begun.body
    job = eventually(
        lambda: client.ask("GET", begun.headers["location"], "watcher").json,
        lambda found: found["status"] != "running",
        within=60,
    )
    assert (job["status"], job["letters"], job["by"]) == ("done", {"resolved": EACH}, "ann")
    audit = [json.loads(record.value or b"{}") for record in stage.records("leads.audit.v1")]
    assert {each["author"] for each in audit} == {"ann"}
    assert {each["act"] for each in audit} == {"reveal", "edit", "apply"}


@pytest.mark.long
@pytest.mark.timeout(240)
def test_letters_go_out_whole_and_come_in_again_and_what_is_erased_stays_gone(
    client: Client, stage: Stage
) -> None:
    chosen = {"reason": "to the other site", "select": {"code": ["NOT_JSON"]}}
    assert client.ask("POST", f"{LETTERS}/export", "watcher", chosen).status == 403

    lines = client.ask("POST", f"{LETTERS}/export", "ann", chosen).body
    ids = [json.loads(line)["letter"]["__dlq.errors.id"] for line in lines.splitlines()]
    gone = client.ask(
        "POST", f"{LETTERS}/commands/erase", "ann", {"reason": "she asked", "ids": ids[:1]}
    ).json
    taken = client.ask("POST", f"{LETTERS}/import?reason=back", "ann", lines).json
    broken = client.ask("POST", f"{LETTERS}/import?reason=back", "ann", lines[:-9])
    stage.settle(within=60)

    assert (len(ids), gone["changed"], taken) == (EACH, ids[:1], {"taken_in": EACH})
    assert (broken.status, broken.json["title"]) == (422, "The letters cannot be taken in")
    assert f"line {EACH} is not valid JSON" in broken.json["detail"]
    shown = client.ask("GET", f"{LETTERS}/{ids[0]}", "watcher").json
    assert (shown["status"], shown["replay"]["verdict"]) == ("erased", "gone")
    left = client.ask("GET", f"{LETTERS}?code=NOT_JSON&limit=1000", "watcher").json
    assert {each["id"] for each in left} == set(ids[1:])
    again = client.ask("POST", f"{LETTERS}/export", "ann", {"reason": "again", "ids": ids}).body
    assert len(again.splitlines()) == EACH - 1


@pytest.mark.timeout(240)
def test_a_viewer_may_plan_and_look_and_nothing_else_and_a_stranger_nothing(client: Client) -> None:
    routes = [
        (method.upper(), path.replace("{name}", "erase").replace("{command}", "cancel"))
        for path, methods in client.ask("GET", "/openapi.json", None).json["paths"].items()
        for method in methods
    ]
    answers = {
        (method, path, key): client.ask(method, path, key, {}, If_Match="x").status
        for method, path in routes
        for key in ("watcher", None)
    }

    assert len(routes) >= 15
    assert {status for (*_, key), status in answers.items() if key is None} == {401}
    refused = {route[:2] for route, status in answers.items() if route[2] and status == 403}
    assert refused == {
        (method, path) for method, path in routes if method != "GET" and path != "/v1/dead-letter-plans"
    }


@pytest.mark.long
@pytest.mark.timeout(240)
def test_prometheus_gets_the_number_of_letters_and_the_headroom(client: Client) -> None:
    assert client.ask("GET", "/metrics", None).status == 401

    text = client.ask("GET", "/metrics", "watcher").body.decode()

    labels = 'action="validate-lead",class="poison",code="NOT_JSON",status="parked"'
    assert f"leads_dead_letters{{{labels}}} {float(EACH)}" in text
    (headroom,) = [
        line for line in text.splitlines() if line.startswith("leads_dead_letters_headroom_seconds")
    ]
    assert 27 * 86_400 < float(headroom.split()[1]) <= 28 * 86_400


@pytest.mark.long
@pytest.mark.timeout(240)
def test_what_cannot_be_answered_is_a_problem_with_the_next_step_and_without_what_was_sent(
    client: Client,
) -> None:
    some = client.ask("GET", f"{LETTERS}?limit=1").json[0]["id"]
    act = f"{LETTERS}/commands/edit"
    cases = [
        (client.ask("GET", f"{LETTERS}?class=posion"), 400, "did you mean poison?"),
        (client.ask("GET", f"{LETTERS}?colour=red"), 422, "colour"),
        (client.ask("GET", f"{LETTERS}/{'0' * 36}"), 404, "there is no letter"),
        (client.ask("POST", act, body={"reason": "why"}), 422, "send `ids`"),
        (client.ask("POST", act, body={"reason": "why", "select": {}}), 422, "`select` is empty"),
        (
            client.ask("POST", act, body={"reason": "w", "ids": [some], "patch": [{"op": "x"}]}),
            422,
            "operation 1",
        ),
        (client.ask("POST", act, body={"ids": [some], "patch": []}), 422, "reason"),
        (client.ask("POST", f"{LETTERS}/commands/explode", body={"reason": "why"}), 422, "name"),
        (client.ask("POST", "/v1/dead-letter-jobs?reason=x", body=b"{}"), 422, "is not a plan"),
        (client.ask("POST", "/v1/dead-letter-jobs?reason=x&rate=0", body=b"{}"), 422, "rate"),
        (client.ask("POST", "/v1/dead-letter-jobs/none/pause", body={"reason": "x"}), 404, "no job"),
        (client.ask("POST", act, Content_Length=str(1 << 40)), 413, "at most"),
        (client.ask("GET", "/v2"), 404, "/docs"),
    ]

    for answer, status, detail in cases:
        assert answer.status == status, answer.body
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert detail in answer.json["detail"], answer.json
