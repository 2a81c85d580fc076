"""The workflow as a whole: what follows from a lead."""

from __future__ import annotations

from streams.store.schema import contacts
from streams.testing import (
    Cluster,
    World,
    event_headers,
    lead,
)
from tests.support.workflow import (
    RECEIVED,
    attributes,
    count,
    data,
)
from topics import ids
from topics.events import (
    ContactUpserted,
    Event,
    LeadAssigned,
    LeadMatched,
    LeadRejected,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
)


async def test_a_lead_passes_all_six_actions_and_each_result_names_its_cause(
    cluster: Cluster, world: World
) -> None:
    source = cluster.log.append(RECEIVED, b"any", lead(lead_id="L1"), event_headers("e-1"))

    await cluster.settle()

    chain: tuple[type[Event], ...] = (LeadValidated, LeadMatched, ContactUpserted, LeadAssigned, LeadWelcomed)
    cause_source, cause = "/web", "e-1"
    for event, action in zip(
        chain,
        (
            "validate-lead",
            "find-duplicates",
            "create-or-update-contact",
            "assign-owner",
            "send-welcome-email",
        ),
        strict=True,
    ):
        (record,) = cluster.records(event)
        found = attributes(record)
        assert found["ce_id"] == ids.result_id(cause_source, cause, action, 1)
        assert (found["ce_causationid"], found["ce_source"]) == (cause, f"/leads/{action}")
        assert found["ce_correlationid"] == ids.run_id("/web", "e-1")
        assert found["ce_position"] == f"{RECEIVED}/{source.partition}/{source.offset}"
        assert found["ce_workflow"] == "new-lead-onboarding"
        assert found["ce_subject"] == "lead/L1"
        cause_source, cause = found["ce_source"], found["ce_id"]
    assert [mail.to for mail in world.mails] == ["jane.doe@example.com"]
    assert data(cluster.records(OwnerNotified)[0])["outcome"] == "sent"
    assert cluster.letters == []


async def test_a_bad_lead_is_rejected_with_all_reasons_and_nothing_follows(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, None, lead(email="not an address", phone="12", lead_id="L1"))

    await cluster.settle()

    (record,) = cluster.records(LeadRejected)
    assert record.key == b"L1"
    assert [reason["field"] for reason in data(record)["reasons"]] == ["email", "phone"]
    assert cluster.records(LeadValidated) == []


async def test_two_leads_of_one_person_in_one_batch_are_one_contact_one_owner_one_welcome(
    cluster: Cluster, world: World
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(company="Acme"))
    cluster.log.append(RECEIVED, b"k", lead(email="JANE.DOE@example.com ", city="Bonn"))

    await cluster.settle()

    assert await count(cluster, contacts) == 1
    assert [data(record)["revision"] for record in cluster.records(ContactUpserted)] == [1, 2]
    assert data(cluster.records(ContactUpserted)[1])["contact"]["company"] == "Acme"
    assert len({data(record)["owner"]["id"] for record in cluster.records(LeadAssigned)}) == 1
    assert [data(record)["outcome"] for record in cluster.records(LeadWelcomed)] == ["sent", "skipped"]
    assert data(cluster.records(LeadWelcomed)[1])["reason"] == "already-welcomed"
    assert (len(world.mails), len(world.notes)) == (1, 2)
