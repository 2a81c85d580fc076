"""Commands about letters: what has changed, and what is skipped with the reason."""

from __future__ import annotations

from tests.support.letters import lettered
from tests.support.requests import LETTERS, Requests


async def test_a_command_names_what_has_changed_and_what_is_skipped_with_the_reason(
    requests: Requests,
) -> None:
    fits, done = requests.index(lettered(1), lettered(2, status="resolved"))
    body = {"reason": "the form sends ??", "ids": [fits, done], "recipe": "strip-country"}

    answer = await requests.ask("POST", f"{LETTERS}/commands/repair", body=body)

    assert (answer.status, answer.json) == (
        200,
        {
            "changed": [fits],
            "skipped": [{"id": done, "reason": "it is resolved, not scheduled or parked"}],
        },
    )


async def test_a_command_takes_the_letters_that_it_can_change_unless_the_selection_names_a_status(
    requests: Requests,
) -> None:
    given_up, _ = requests.index(lettered(1, status="discarded"), lettered(2))
    body = {"reason": "no spam", "select": {"code": ["NOT_JSON"]}}

    answer = await requests.ask("POST", f"{LETTERS}/commands/restore", body=body)

    assert answer.json == {"changed": [given_up], "skipped": []}


async def test_exported_letters_are_imported_as_they_were(requests: Requests) -> None:
    ids = requests.index(lettered(1), lettered(2))
    exported = await requests.ask("POST", f"{LETTERS}/export", body={"reason": "move", "ids": ids})

    imported = await requests.ask("POST", f"{LETTERS}/import?reason=move", body=exported.body)
    again = await requests.ask("POST", f"{LETTERS}/export", body={"reason": "compare", "ids": ids})

    assert exported.headers["content-type"] == "application/x-ndjson"
    assert (imported.json, again.body) == ({"taken_in": 2}, exported.body)
