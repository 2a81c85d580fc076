"""A person who is stored under an older key is found by today's."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from streams.store import aliases
from streams.store.engine import Database


def test_an_alias_leads_to_its_contact_and_the_first_one_written_stays(database: Database) -> None:
    def ask(connection: Connection) -> tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]:
        aliases.add(connection, {"today": "stored", "other": "another"})
        aliases.add(connection, {"today": "a second worker's"})
        aliases.add(connection, {})
        return (
            aliases.resolve(connection, ["today", "unknown"]),
            aliases.resolve(connection, []),
            list(aliases.of_contacts(connection, ["stored"])),
        )

    assert database.transact(ask) == ({"today": "stored"}, {}, [("today", "stored")])
