"""Test the messages of database errors."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.engine import StoreRefusedError
from streams.store.schema import contacts
from streams.testing import (
    Cluster,
)


async def test_errors_of_the_database_never_quote_a_record(cluster: Cluster) -> None:
    def unit(connection: Connection) -> None:
        connection.execute(sa.insert(contacts).values(contact_key="k", email="jane.doe@example.com"))

    with pytest.raises(StoreRefusedError) as refused:
        await cluster.database.run(unit)

    assert "jane" not in str(refused.value)
    assert "jane" not in str(refused.value.__cause__).partition("DETAIL")[0]
