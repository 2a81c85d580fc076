"""Settings become connections, and what cannot be opened is one sentence with the next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.interfaces.common import connections
from streams.interfaces.common.errors import UnreachableError, WrongUseError
from streams.settings import TopicsTable
from tests.support.in_process import Leads


def test_production_has_three_replicas_unless_leads_toml_demands_more(leads: Leads) -> None:
    development = connections.settings()
    leads.monkeypatch.setenv("LEADS_ENV", "production")
    production = connections.settings()

    assert connections.replication_factor(development, TopicsTable()) == 1
    assert connections.replication_factor(production, TopicsTable()) == 3
    assert connections.replication_factor(production, TopicsTable(replication_factor=5)) == 5
    with pytest.raises(SettingsError, match=r"topics.replication_factor is 2 and production demands 3"):
        connections.replication_factor(production, TopicsTable(replication_factor=2))


def test_a_leads_toml_that_is_named_must_exist_and_the_usual_one_need_not(
    leads: Leads, tmp_path: Path
) -> None:
    leads.config.unlink()
    with pytest.raises(SettingsError, match=r"leads\.toml"):
        connections.config_if_there(connections.settings())

    leads.monkeypatch.delenv("LEADS_CONFIG")
    leads.monkeypatch.chdir(tmp_path)
    assert connections.config_if_there(connections.settings()) is None
    assert connections.topics_table(connections.settings()) == TopicsTable()


def test_a_database_of_a_newer_build_is_refused(leads: Leads) -> None:
    leads.cluster.database.transact(
        lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    )

    with (
        pytest.raises(WrongUseError, match="use the build that made it, or a newer one"),
        connections.database(connections.settings()),
    ):
        pass


def test_a_database_whose_folder_cannot_be_made_is_named(leads: Leads) -> None:
    leads.monkeypatch.setenv("LEADS_DATABASE", f"sqlite:///{leads.config}/leads.db")

    with (
        pytest.raises(UnreachableError, match=r"leads\.toml/leads\.db.*LEADS_DATABASE"),
        connections.database(connections.settings()),
    ):
        pass
