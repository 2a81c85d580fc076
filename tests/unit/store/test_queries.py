"""Test people's queries: about a lead, about a person, and how much was done."""

from __future__ import annotations

from streams.adapters.identity import HmacIdentity
from streams.store import queries
from streams.testing import Cluster, lead
from tests.support.workflow import RECEIVED

IDENTITY = HmacIdentity(b"another secret of the tests")


async def test_a_lead_is_found_by_its_id_with_runs_letters_and_contact(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead(lead_id="L1"))
    cluster.log.append(RECEIVED, b"k", b'{"lead_id": "L2", "email": 17}')
    await cluster.settle()

    history = await cluster.database.run(lambda connection: queries.history(connection, "L1", IDENTITY, "US"))

    assert history is not None
    (lead_history,) = history.leads
    assert [contact.contact_key for contact in history.contacts] == list(lead_history.contact_keys)
    (run,) = lead_history.runs
    assert run.steps[0].action == "validate-lead"


async def test_nothing_is_known_of_a_stranger_and_of_no_address(cluster: Cluster) -> None:
    for text in ("stranger@example.com", "no address", "+49 170 1234567", ""):
        history = await cluster.database.run(
            lambda connection, text=text: queries.history(connection, text, IDENTITY, "US")  # type: ignore[misc]
        )
        assert history is None


def test_a_person_has_one_key_in_any_spelling() -> None:
    keys = {queries.key_of(text, IDENTITY, "DE") for text in ("Ana@B.Example", " ana@b.example ")}
    phones = {queries.key_of(text, IDENTITY, "DE") for text in ("0170 1234567", "+49 170 1234567")}

    assert len(keys) == len(phones) == 1
    assert queries.key_of("ana@", IDENTITY, "DE") is None


async def test_executions_are_counted_by_action_and_end(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()

    counts = await cluster.database.run(queries.executions)

    assert counts["validate-lead"] == (1, 0)
    assert await cluster.database.run(queries.count_contacts) == 1
