"""A whole installation as people run it: worker, outside servers and the command `leads`, each a process."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from bench.cluster import Cluster
from bench.events import late_leads
from bench.onboarded import START_S, rows
from bench.processes import SERVERS, STOP_WITHIN_S, ContenderError, Talking, outside
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived
from topics.registry import TOPICS, TopicNames

CALLS = 2
"""Letters of a lead while mail server and webhook are away: its welcome and its notice."""
LETTERS_PER_S_AT_LEAST = 10
"""So slow that it must hang."""
LEADS = "streams.interfaces.cli.main"
_LOOK_EVERY_S = 0.2
_TOML = """
[[owners]]
id = "o1"
name = "Owner 1"
email = "owner1@example.com"
[[owners]]
id = "o2"
name = "Owner 2"
email = "owner2@example.com"
[[owners]]
id = "o3"
name = "Owner 3"
email = "owner3@example.com"
# Letters are to be made and to stay: no retry comes due by itself, no step pauses.
[retry]
delays = ["6h"]
[pause]
failures = 100000
letters_per_minute = 1000000
"""


class Installation:
    """One prefix, group and SQLite file; `with` ends every process."""

    def __init__(self, cluster: Cluster, folder: Path, name: str, database: str | None = None) -> None:
        """Take where it is to be, and its database if that is not a SQLite file there; nothing is started."""
        self.names = TopicNames(f"{name}.")
        self.group = name
        self.folder = folder
        self.store = folder / "leads.db"
        self._cluster = cluster
        self._database = database or f"sqlite:///{self.store}"
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._ports: dict[str, int] = {}
        self._environment: dict[str, str] = {}
        self._worker: Talking | None = None
        self._stack = ExitStack()

    def open(self) -> None:
        """Make the topics as `leads topics apply` does, and find ports for the servers outside, which are away then."""
        for server in SERVERS:
            with outside(server, self.folder, self._secret) as process:
                self._ports[server] = process.hear("port", START_S)
        config = self.folder / "leads.toml"
        config.write_text(_TOML, encoding="utf-8")
        self._environment = {
            "LEADS_KAFKA": self._cluster.bootstrap,
            "LEADS_PREFIX": self.names.prefix,
            "LEADS_GROUP": self.group,
            "LEADS_DATA": str(self.folder),
            "LEADS_DATABASE": self._database,
            "LEADS_CONFIG": str(config),
            "LEADS_SMTP": f"smtp://127.0.0.1:{self._ports['mail_server']}?starttls=never",
            "LEADS_NOTIFY": f"http://127.0.0.1:{self._ports['webhook_receiver']}/",
            "LEADS_NOTIFY_SECRET": self._secret,
            "LEADS_SECRET": secrets.token_hex(16),  # any will do: no two runs share a database
        }
        self._cluster.adopt(self.names.full(topic.name) for topic in TOPICS)
        self.leads("topics", "apply")

    def fail(self, count: int) -> None:
        """Start the worker, let the last calls of so many leads fail, and let the servers outside come back."""
        self._cluster.fill(self.names.of(LeadReceived), late_leads(count))
        self._worker = self.start("worker")
        within_s = START_S + count * CALLS / LETTERS_PER_S_AT_LEAST
        self.wait("SELECT count(*) FROM letters", count * CALLS, within_s, self._worker)
        for server in SERVERS:
            self._stack.enter_context(outside(server, self.folder, self._secret, self._ports[server])).hear(
                "port", START_S
            )

    @property
    def worker(self) -> Talking:
        """The worker, once `fail` started it."""
        assert self._worker is not None
        return self._worker

    def start(self, *arguments: str) -> Talking:
        """Start `leads arguments…`; it is ended with the installation."""
        name = arguments[1] if arguments[0] == "dead-letters" else arguments[0]
        return self._stack.enter_context(Talking([LEADS, *arguments], self.folder, name, self._environment))

    def leads(self, *arguments: str) -> None:
        """Run `leads arguments…` to its end. Raises `ContenderError` when that is not a good one."""
        process = self.start(*arguments)
        code = process.end(START_S + STOP_WITHIN_S)
        if code:
            raise ContenderError(f"leads {' '.join(arguments)} ended with exit code {code}\n{process.tail()}")

    def timed(self, *arguments: str, into: Path, within_s: float) -> tuple[float, float]:
        """Run `leads arguments…`, what it prints into a file; gives its seconds and its memory at most, in MiB.

        Raises `ContenderError` when it ends badly, or not in time.
        """
        with Talking(
            ["bench.used", str(into), LEADS, *arguments], self.folder, "timed", self._environment
        ) as process:
            used = process.hear("used", within_s)
            if code := process.end(STOP_WITHIN_S):
                raise ContenderError(
                    f"leads {' '.join(arguments)} ended with exit code {code}\n{process.tail()}"
                )
        return used["seconds"], used["mib"]

    def wait(self, query: str, number: int, within_s: float, process: Talking) -> None:
        """Wait until a count is as high as that; `process` is who makes it so. Raises `ContenderError`."""
        deadline = time.monotonic() + within_s
        while (found := self._count_if_there(query)) < number:
            if time.monotonic() > deadline or not process.is_running():
                raise ContenderError(
                    f"stopped waiting for {number} of {query!r}; there are {found}\n{process.tail()}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _count_if_there(self, query: str) -> int:
        try:
            return self.count(query)
        except sqlite3.OperationalError:  # no file or no table yet
            return 0

    def count(self, query: str) -> int:
        """Return the number that a query counts."""
        return rows(self.store, {"": query})[""]

    def committed(self) -> int:
        """How many records of the workflow's topics the group has acknowledged."""
        return self._cluster.committed(self.group, [self.names.of(event) for event in ONBOARDING.inputs])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
