"""Sets up an installation on real servers and observes it with clients that share no code with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import ConsumerGroupState, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from tests.acceptance.processes import REPOSITORY, Process, Server, clean_environment
from tests.acceptance.waiting import eventually
from tests.support.outside_client import RECEIVED, Record, committed, ends, query, read_topics

ENTRY = "streams.interfaces.cli.main"
"""The module of the command `leads`."""
SECRET = "a secret that only these tests know"
NOTIFY_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLEAN, FOUND = 0, 5
"""Exit codes of `leads verify`."""
LANES = 16
"""Mails that a worker sends at the same time, by default."""
SESSION_TIMEOUT_S = 6
"""The shortest that a broker accepts by default."""
CHECKS_WITHIN_S = 600
"""Time limit of `leads verify`: a soak leaves more than a million records."""
LISTED = 1_000_000
"""Limit of findings and uncertain calls that `leads verify` lists: high enough for all."""
OWNERS = ("ada", "bob", "cyd")
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Published:
    """A record as a client publishes it."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()


class Stage:
    """One prefix, group, database, mail server and webhook; any number of workers."""

    client_log_level = 4
    """Of the publishing client, as syslog numbers them: 4 is warnings, 0 hides that the broker is away."""

    def __init__(self, kafka: str, database: str, folder: Path) -> None:
        """Nothing is started."""
        self.kafka = kafka
        self.database = database
        self.prefix = f"t{uuid4().hex[:8]}."
        self.group = f"{self.prefix}workers"
        self.folder = folder
        self.mails = Server("streams.testing.mail_server", folder / "mails.jsonl")
        self.webhooks = Server(
            "streams.testing.webhook_receiver",
            folder / "webhooks.jsonl",
            {"LEADS_NOTIFY_SECRET": NOTIFY_SECRET},
        )
        self.workers: list[Process] = []
        self.sql = query(database)

    def open(self, extra_config: str = "", *, entry: str = ENTRY, build: Path = REPOSITORY) -> None:
        """Start the outside servers and create the topics, as `build` does. `extra_config` is added to leads.toml."""
        owners = "\n".join(
            f'[[owners]]\nid = "{o}"\nname = "{o.title()}"\nemail = "{o}@acme.example"' for o in OWNERS
        )
        rules = '[leads]\ndefault_region = "DE"\n[topics]\npartitions = 6\n'
        (self.folder / "leads.toml").write_text(f"{owners}\n{rules}{extra_config}")
        self.mails.start()
        self.webhooks.start()
        self.run(entry, "topics", "apply", build=build)

    def close(self) -> None:
        """End every process and delete the topics."""
        for process in self.workers:
            process.close()
        self.mails.stop()
        self.webhooks.stop()
        admin = AdminClient({"bootstrap.servers": self.kafka, "log_level": 4})
        names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(self.prefix)]
        for done in admin.delete_topics(names).values() if names else ():
            done.result(timeout=30)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LEADS_KAFKA": self.kafka,
            "LEADS_DATABASE": self.database,
            "LEADS_SMTP": f"smtp://127.0.0.1:{self.mails.port}",
            "LEADS_NOTIFY": f"http://127.0.0.1:{self.webhooks.port}/",
            "LEADS_NOTIFY_SECRET": NOTIFY_SECRET,
            "LEADS_CONFIG": str(self.folder / "leads.toml"),
            "LEADS_SECRET": SECRET,
            "LEADS_SESSION_TIMEOUT": str(SESSION_TIMEOUT_S),
            "LEADS_PREFIX": self.prefix,
            "LEADS_GROUP": self.group,
            "LEADS_DATA": str(self.folder / "data"),
        }

    # ------------------------------------------------------------------------------------------------- acting

    def run(self, *arguments: str, build: Path = REPOSITORY) -> str:
        """Run a module of a build to its end and return its stdout; fail with its stderr when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=build,
            env={**clean_environment(), **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_worker(self) -> Process:
        """Start `leads worker`."""
        return self.start_as(ENTRY)

    def start_as(self, *entry: str, build: Path = REPOSITORY) -> Process:
        """Start a worker as another module, or of another build."""
        log = self.folder / f"worker{len(self.workers)}.log"
        worker = Process([*entry, "worker"], self.environment, log, build)
        self.workers.append(worker)
        return worker

    @property
    def running(self) -> list[Process]:
        return [worker for worker in self.workers if worker.is_running]

    def publish(self, records: Iterable[Published], topic: str = RECEIVED) -> list[str]:
        """Publish to a topic (without prefix). Return the `topic/partition/offset` of each record, from the broker."""
        producer = Producer(
            {
                "bootstrap.servers": self.kafka,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "log_level": self.client_log_level,
                "enable.idempotence": True,
                "batch.size": 256 * 1024,  # the topic accepts no larger batches
            }
        )
        places: dict[int, str] = {}
        number = 0
        for number, record in enumerate(records, 1):

            def delivered(error: KafkaError | None, message: Message, number: int = number) -> None:
                assert error is None, error
                places[number] = f"{message.topic()}/{message.partition()}/{message.offset()}"

            producer.produce(
                self.prefix + topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=delivered,
            )
            producer.poll(0)
        assert producer.flush(30) == 0, "the broker did not take every lead within 30 s"
        return [places[each] for each in range(1, number + 1)]

    # ------------------------------------------------------------------------------------------------- looking

    def records(self, topic: str) -> list[Record]:
        """Return every record of a topic (without prefix)."""
        return read_topics(self.kafka, self.prefix, [topic])[topic]

    def lag(self) -> dict[str, int]:
        """Return per topic how many records the group has yet to acknowledge; empty when all are settled."""
        done = committed(
            self.kafka, self.prefix, self.group
        )  # read before the ends: records that arrive in between count as lag
        lag: dict[str, int] = {}
        for (topic, partition), end in ends(self.kafka, self.prefix).items():
            left = end - done.get((topic, partition), 0)
            if left:
                lag[topic] = lag.get(topic, 0) + left
        return lag

    def members(self) -> int:
        """Return the number of members of the group; 0 while it rebalances."""
        admin = AdminClient({"bootstrap.servers": self.kafka, "log_level": 4})
        group = admin.describe_consumer_groups([self.group])[self.group].result(timeout=10)
        return len(group.members) if group.state is ConsumerGroupState.STABLE else 0

    def settle(self, *, within: float) -> None:
        """Wait until the group has acknowledged every record."""
        eventually(self.lag, lambda lag: not lag, within=within, every=0.5)

    def count(self, statement: str) -> int:
        """Return the first column of the first row of a SELECT; 0 while the tables do not exist yet."""
        try:
            return int(self.sql(statement)[0][0])
        except Exception:  # noqa: BLE001 - no file, no table, locked: for every error of the driver there is nothing to count
            return 0

    def check(self) -> dict[str, Any]:
        """Run `leads verify` over all topics, tables and journals, and return its document."""
        for journal in (self.mails.file, self.webhooks.file):
            journal.touch()
        # Not through the proxies of the workers: verify must see what they cannot reach.
        servers = {"LEADS_KAFKA": self.kafka, "LEADS_DATABASE": self.database}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "streams.interfaces.cli.main", "verify", "--json"),
                *("--limit", str(LISTED)),
                *("--mails", str(self.mails.file), "--webhooks", str(self.webhooks.file)),
            ],
            cwd=REPOSITORY,
            env={**clean_environment(), **self.environment, **servers},
            capture_output=True,
            text=True,
            timeout=CHECKS_WITHIN_S,
            check=False,
        )
        assert done.returncode in (CLEAN, FOUND), done.stderr
        verdict: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (CLEAN if verdict["is_clean"] else FOUND)
        assert verdict["counts"]["uncertain"] == len(verdict["uncertain"])
        return verdict
