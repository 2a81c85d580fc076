"""Letters are listed, grouped, counted, explained and edited."""

from __future__ import annotations

from streams.interfaces.http.problems import PHRASES
from streams.store import letters
from tests.support.letters import BODY, ROWS, lettered
from tests.support.requests import LETTERS, Requests


async def test_letters_are_selected_by_the_fields_of_the_commands(requests: Requests) -> None:
    first, _ = requests.index(lettered(1), lettered(2, value=b"{}", generation=3))

    listed = await requests.ask("GET", f"{LETTERS}?class=poison&generation=0-2&limit=5", "watcher")

    assert [each["id"] for each in listed.json] == [first]


async def test_an_edit_needs_the_etag_of_the_letter_as_it_is(requests: Requests) -> None:
    (letter_id,) = requests.index(lettered(1))
    patch = {"reason": "typo", "patch": [{"op": "remove", "path": "/country"}]}
    shown = await requests.ask("GET", f"{LETTERS}/{letter_id}")

    blind = await requests.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch)
    edited = await requests.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch, if_match=shown.headers["etag"])
    late = await requests.ask("PATCH", f"{LETTERS}/{letter_id}", body=patch, if_match=shown.headers["etag"])

    assert (blind.status, blind.json["title"]) == (428, PHRASES[428])
    assert edited.json == {"changed": [letter_id], "skipped": []}
    assert (late.status, late.json["title"]) == (412, PHRASES[412])
    (row,) = requests.cluster.database.transact(lambda link: letters.get(link, [letter_id]))
    assert row.original_value == BODY


async def test_groups_are_the_causes_of_open_letters_and_stats_count_letters_of_every_status(
    requests: Requests,
) -> None:
    requests.index(*ROWS)

    groups = await requests.ask("GET", f"{LETTERS}/groups", "watcher")
    stats = await requests.ask("GET", f"{LETTERS}/stats", "watcher")

    assert {group["code"]: group["count"] for group in groups.json} == {"NOT_JSON": 2, "SMTP_REFUSED": 2}
    assert stats.json["status"] == {"parked": 3, "scheduled": 1, "resolved": 1}


async def test_a_letter_is_explained_without_its_value_and_its_etag_changes_with_it(
    requests: Requests,
) -> None:
    (letter_id,) = requests.index(lettered(1))

    shown = await requests.ask("GET", f"{LETTERS}/{letter_id}", "watcher")
    await requests.ask("POST", f"{LETTERS}/commands/discard", body={"reason": "spam", "ids": [letter_id]})
    discarded = await requests.ask("GET", f"{LETTERS}/{letter_id}", "watcher")

    assert (shown.json["status"], shown.headers["etag"]) == ("parked", '"0-0-parked"')
    assert "value" not in shown.json["record"]
    assert (discarded.json["status"], discarded.headers["etag"]) == ("discarded", '"0-0-discarded"')
