"""A person stored by older rules of reading stays one contact and gets no second welcome."""

from __future__ import annotations

import sqlalchemy as sa

from streams.operations.recovery.contact_keys import Rekeyed, alias_older_contacts
from streams.store.schema import contact_aliases, contacts
from streams.testing import Cluster, World, lead
from tests.support.older_people import identity_of, store_older
from tests.support.workflow import RECEIVED, count, rows

OLDER = "o\u2019neil@example.com"
"""As the build before typographic apostrophes became plain ones stored it."""
TODAY = "o'neil@example.com"


async def passed(cluster: Cluster) -> Rekeyed:
    return await alias_older_contacts(cluster.database, identity_of(cluster), since_us=0)


async def test_the_same_person_again_is_the_stored_contact_and_gets_no_second_welcome(
    cluster: Cluster, world: World
) -> None:
    await store_older(cluster, OLDER)

    done = await passed(cluster)
    for spelling in (TODAY, OLDER, "O\u2032Neil@Example.com"):
        cluster.log.append(RECEIVED, None, lead(email=spelling, lead_id=spelling))
    await cluster.settle()

    assert done == Rekeyed(contacts=1, aliases=1, twice=0)
    assert await count(cluster, contacts) == 1
    assert world.mails == []
    assert (await rows(cluster, sa.select(contacts.c.contact_id, contacts.c.email)))[0][0] == "c-0"


async def test_without_the_pass_the_person_would_be_stored_twice(cluster: Cluster, world: World) -> None:
    await store_older(cluster, OLDER)
    cluster.log.append(RECEIVED, None, lead(email=TODAY))
    await cluster.settle()

    assert (await count(cluster, contacts), len(world.mails)) == (2, 1)


async def test_a_person_who_is_stored_under_both_keys_is_counted_and_stays_so(cluster: Cluster) -> None:
    await store_older(cluster, OLDER, TODAY, "ada@example.com")

    assert await passed(cluster) == Rekeyed(contacts=3, aliases=0, twice=1)
    assert await count(cluster, contact_aliases) == 0


async def test_a_second_pass_changes_nothing_and_may_leave_out_what_is_old(cluster: Cluster) -> None:
    await store_older(cluster, OLDER, "ada@example.com")
    await passed(cluster)

    assert await passed(cluster) == Rekeyed(contacts=2, aliases=0, twice=0)
    later = await alias_older_contacts(cluster.database, identity_of(cluster), since_us=2)
    assert later == Rekeyed(contacts=0, aliases=0, twice=0)
