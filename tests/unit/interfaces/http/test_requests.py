"""Requests about dead letters, answered over an installation in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from streams.dead_letters.patching import RecipeTable
from streams.interfaces.http.app import create_app
from streams.interfaces.http.app_state import AppState
from streams.interfaces.http.keys import Keys, hash_of
from streams.interfaces.http.problems import EXPECTED, PHRASES
from streams.onboarding import ONBOARDING
from streams.settings import ApiKeyTable, Role
from streams.store import letters
from streams.store.letters import LetterRow
from streams.store.migrate import open_database
from streams.testing import Cluster, World
from streams.testing.world import adapters_of
from tests.support.asgi import Answer, ask
from tests.support.letters import BODY, lettered

LETTERS = "/v1/dead-letters"
STRIP = RecipeTable(name="strip-country", version=1, patch=({"op": "remove", "path": "/country"},))


def key(name: str, role: Role) -> ApiKeyTable:
    return ApiKeyTable(name=name, role=role, sha256=hash_of(name), expires=datetime(2099, 1, 1, tzinfo=UTC))


class TestRequests:
    @pytest.fixture(autouse=True)
    def opened(self, tmp_path: Path) -> Iterator[None]:
        store = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
        self.cluster = Cluster(ONBOARDING, adapters_of(World()), store)
        keys = Keys([key("ann", "operator"), key("watcher", "viewer")])
        self.app: FastAPI = create_app(AppState(self.cluster.installation, keys, [STRIP]))
        yield
        store.close()

    def index(self, *rows: LetterRow) -> list[str]:
        self.cluster.database.transact(lambda link: letters.index(link, rows, 0))
        return [row.letter.id for row in rows]

    async def ask(
        self, method: str, target: str, user: str | None = "ann", body: object = None, **headers: str
    ) -> Answer:
        return await ask(self.app, method, target, user, body, **headers)

    async def test_a_command_names_what_has_changed_and_what_is_skipped_with_the_reason(self) -> None:
        fits, done = self.index(lettered(1), lettered(2, status="resolved"))
        body = {"reason": "the form sends ??", "ids": [fits, done], "recipe": "strip-country"}

        answer = await self.ask("POST", f"{LETTERS}/commands/repair", body=body)

        assert (answer.status, answer.json) == (
            200,
            {
                "changed": [fits],
                "skipped": [{"id": done, "reason": "it is resolved, not scheduled or parked"}],
            },
        )

    async def test_a_command_takes_the_letters_that_it_can_change_unless_the_selection_names_a_status(
        self,
    ) -> None:
        given_up, _ = self.index(lettered(1, status="discarded"), lettered(2))
        body = {"reason": "no spam", "select": {"code": ["NOT_JSON"]}}

        answer = await self.ask("POST", f"{LETTERS}/commands/restore", body=body)

        assert answer.json == {"changed": [given_up], "skipped": []}

    async def test_letters_are_selected_by_the_fields_of_the_commands(self) -> None:
        first, _ = self.index(lettered(1), lettered(2, value=b"{}", generation=3))

        listed = await self.ask("GET", f"{LETTERS}?class=poison&generation=0-2&limit=5", "watcher")

        assert [each["id"] for each in listed.json] == [first]

    async def test_the_plan_of_a_selection_names_it_as_a_command_would(self) -> None:
        self.index(lettered(1))

        plan = await self.ask("POST", "/v1/dead-letter-plans", body={"select": {"class": ["poison"]}})

        assert b'"selector":"--class poison"' in plan.body.splitlines()[0]

    async def test_a_job_takes_none_for_its_canary_and_for_yielding_and_refuses_what_commands_refuse(
        self,
    ) -> None:
        options = "reason=x&canary=none&yield_to_lag=none&stop_if_fail=5%25"
        read = await self.ask("POST", f"/v1/dead-letter-jobs?{options}", body=b"{}")
        refused = await self.ask("POST", "/v1/dead-letter-jobs?reason=x&canary=0", body=b"{}")

        assert (read.status, read.json["title"]) == (422, "The plan cannot be used")
        assert (refused.status, refused.json["detail"].partition(":")[0]) == (422, "query.canary.0")

    @pytest.mark.parametrize(
        ("method", "target", "user", "body", "status"),
        [
            ("GET", LETTERS, None, None, 401),
            ("GET", LETTERS, "stranger", None, 401),
            ("POST", f"{LETTERS}/commands/discard", "watcher", {"reason": "why", "ids": ["x"]}, 403),
            ("GET", f"{LETTERS}/{'0' * 36}", "watcher", None, 404),
            ("GET", "/v1/dead-letter-jobs/none", "watcher", None, 404),
            ("GET", f"{LETTERS}?colour=red", "watcher", None, 422),
            ("POST", f"{LETTERS}/commands/discard", "ann", {"reason": "why"}, 422),
            ("POST", f"{LETTERS}/commands/schedule", "ann", {"reason": "why", "ids": ["x"]}, 422),
            ("POST", f"{LETTERS}/commands/repair", "ann", {"reason": "why", "ids": ["x"]}, 422),
        ],
    )
    async def test_the_title_of_a_problem_is_the_phrase_of_its_status(
        self, method: str, target: str, user: str | None, body: object, status: int
    ) -> None:
        answer = await self.ask(method, target, user, body)

        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status, answer.json["status"], answer.json["title"]) == (
            status,
            status,
            PHRASES[status],
        )

    async def test_an_edit_needs_the_etag_of_the_letter_as_it_is(self) -> None:
        (letter_id,) = self.index(lettered(1))
        patch = {"reason": "typo", "patch": [{"op": "remove", "path": "/country"}]}
        shown = await self.ask("GET", f"{LETTERS}/{letter_id}")

        blind = await self.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch)
        edited = await self.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch, if_match=shown.headers["etag"])
        late = await self.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch, if_match=shown.headers["etag"])

        assert (blind.status, blind.json["title"]) == (428, PHRASES[428])
        assert edited.json == {"changed": [letter_id], "skipped": []}
        assert (late.status, late.json["title"]) == (412, PHRASES[412])
        (row,) = self.cluster.database.transact(lambda link: letters.get(link, [letter_id]))
        assert row.original_value == BODY

    def test_no_title_asks_or_jokes(self) -> None:
        titles = [*PHRASES.values(), *(title for _, title in EXPECTED.values())]

        assert [title for title in titles if title.endswith(("?", "!"))] == []
