"""People whose phone an older build read otherwise are found by what they typed."""

from __future__ import annotations

import orjson
import pytest

from streams.operations.recovery.contact_keys import Rekeyed
from streams.operations.recovery.lead_keys import alias_older_leads
from streams.store.schema import contacts
from streams.testing import Cluster, event_headers, lead
from tests.support.older_people import identity_of, store_older
from tests.support.reading_back import RememberedLog
from tests.support.workflow import RECEIVED, count
from topics.events import LeadValidated

OLDER = "+4930123456768"
"""As the build before read `030 1234567/68`."""


async def passed(cluster: Cluster) -> Rekeyed:
    log = RememberedLog(cluster.log)
    return await alias_older_leads(cluster.database, log, cluster.names, identity_of(cluster), "DE", 0)


def validated_by_an_older_build(cluster: Cluster, event_id: str, typed: str, stored: str) -> None:
    """Append a lead without e-mail that the group has settled, and the result of the build before."""
    body = orjson.dumps({"phone": typed, "country": "DE"})
    received = cluster.log.append(RECEIVED, None, body, event_headers(event_id))
    key = identity_of(cluster).contact_key(email=None, phone=stored)
    result = orjson.dumps({"contact_key": key, "lead": {"email": None, "phone": stored}})
    place = f"{received.topic}/{received.partition}/{received.offset}"
    headers = [*event_headers(f"v-{event_id}", type=LeadValidated.type), ("ce_position", place.encode())]
    cluster.log.append(cluster.names.of(LeadValidated), key.encode(), result, headers)


async def test_the_same_person_again_is_the_stored_contact(cluster: Cluster) -> None:
    await store_older(cluster, OLDER)
    validated_by_an_older_build(cluster, "e-1", "030 1234567/68", OLDER)

    done = await passed(cluster)
    cluster.log.topics[cluster.names.of(LeadValidated)].clear()
    again = lead(email=None, phone="030 1234567/68", country="DE")
    cluster.log.append(RECEIVED, None, again, event_headers("e-2"))
    await cluster.settle()

    assert done == Rekeyed(contacts=1, aliases=1, twice=0)
    assert await count(cluster, contacts) == 1


@pytest.mark.parametrize("typed", ["491701234567", "no number"])
async def test_what_today_s_rules_cannot_read_gets_no_alias(cluster: Cluster, typed: str) -> None:
    await store_older(cluster, "+49491701234567")
    validated_by_an_older_build(cluster, "e-1", typed, "+49491701234567")

    assert (await passed(cluster)).aliases == 0


async def test_records_of_others_and_leads_with_an_e_mail_are_passed_over(cluster: Cluster) -> None:
    topic = cluster.names.of(LeadValidated)
    for value in (
        b"{",
        b"[]",
        b"{}",
        orjson.dumps({"lead": {"email": "ada@example.com"}, "contact_key": "k"}),
    ):
        cluster.log.append(topic, b"k", value, [("ce_position", b"nowhere")])

    assert await passed(cluster) == Rekeyed(contacts=0, aliases=0, twice=0)
