"""This file measures P3: leads onboarded per second, seen from outside, from the first publish to the last result."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.checks import copies, demand
from bench.cluster import Cluster, Reader
from bench.events import leads, people_of
from bench.processes import ContenderError, Talking
from bench.progress import Progress
from bench.rounds import Figures, Target
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived, LeadRejected, LeadWelcomed, OwnerNotified
from topics.registry import TOPICS, TopicNames

P3 = Target(
    "P3", "whole onboarding", "leads_per_s", "worker", "naive", must=10, stretch=20, is_less_better=False
)
_START_S = 60
_LEADS_PER_S_AT_LEAST = 4
"""So slow that it must hang."""


@dataclass(slots=True)
class OnboardingRuns:
    """Runs contenders, each with fresh topics, a fresh database and fresh servers outside."""

    cluster: Cluster
    folder: Path
    run_id: str
    leads: dict[str, int]
    """How many, by contender: the naive one is given fewer, which its rate does not suffer from."""
    progress: Progress

    def run(self, name: str, number: int) -> Figures:
        """Run one contender and check what it did everywhere. Raises `WrongRunError`."""
        count = self.leads[name]
        names = TopicNames(f"{self.run_id}.{name}-{number}.")
        group = f"{self.run_id}.{name}-{number}"
        folder = self.folder / f"{name}-{number}"
        folder.mkdir()
        self.cluster.make(names.full(topic.name) for topic in TOPICS)
        self.progress.say(f"round {number + 1}: {name} onboards {count} leads")
        with ExitStack() as stack:
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            files = {server: folder / f"{server}.jsonl" for server in ("catcher", "sink")}
            ports = {
                server: stack.enter_context(
                    Talking(
                        [f"streams.outside.{server}", "--no-fsync", "--file", str(file)],
                        folder,
                        server,
                        {"LEADS_NOTIFY_SECRET": secret},
                    )
                ).hear("port", _START_S)
                for server, file in files.items()
            }
            told = {
                "kafka": self.cluster.bootstrap,
                "prefix": names.prefix,
                "group": group,
                "folder": str(folder),
                "smtp": f"smtp://127.0.0.1:{ports['catcher']}?starttls=never",
                "notify": f"http://127.0.0.1:{ports['sink']}/",
                "notify_secret": secret,
            }
            child = stack.enter_context(
                Talking(["bench.contender", name, orjson.dumps(told).decode()], folder, name)
            )
            child.hear("ready", _START_S)
            seconds = self._wait(child, names, count)
            child.let_go()
            figures = child.hear("measured", _START_S)
        self._check(name, number, names, group, files, folder / "leads.db")
        return {
            "leads": count,
            "seconds": seconds,
            "leads_per_s": count / seconds,
            "cpu_us_per_lead": figures["cpu_s"] / count * 1e6,
            "process_cpu_s": figures["process_cpu_s"],
        }

    def _wait(self, child: Talking, names: TopicNames, count: int) -> float:
        """Publish the leads and give the seconds until both last facts are there of every one."""
        ends = {names.of(event): set[str]() for event in (LeadWelcomed, OwnerNotified)}
        with closing(self.cluster.reader(ends)) as reader:
            reader.some(0.1)
            began = time.monotonic()
            self.cluster.fill(names.of(LeadReceived), leads(count))
            while any(len(ids) < count for ids in ends.values()):
                for record in reader.some(0.02):
                    ends[str(record.topic())].add(orjson.loads(record.value() or b"")["lead_id"])
                if (
                    time.monotonic() - began > _START_S + count / _LEADS_PER_S_AT_LEAST
                    or not child.is_running()
                ):
                    done = ", ".join(f"{topic}: {len(ids)}" for topic, ids in ends.items())
                    raise ContenderError(
                        f"stopped waiting for {count} leads; there are {done}\n{child.tail()}"
                    )
            return time.monotonic() - began

    def _check(
        self, name: str, number: int, names: TopicNames, group: str, files: dict[str, Path], store: Path
    ) -> None:
        count = self.leads[name]
        people = people_of(count)
        found = {f"{topic}: leads": 0 for topic in self._results(names)}
        with closing(self.cluster.reader(self._results(names))) as reader:
            found |= _leads_by_topic(reader)
        expected: dict[str, object] = {f"{topic}: leads": count for topic in self._results(names)}
        rejected = f"{names.of(LeadRejected)}: leads"
        expected[rejected] = 0
        found.setdefault(rejected, 0)
        found["offsets committed"] = self.cluster.committed(
            group, [names.of(event) for event in ONBOARDING.inputs]
        )
        expected["offsets committed"] = count * len(ONBOARDING.inputs)
        found |= _rows(store)
        expected |= {
            "contacts": people,
            "contacts with an owner": people,
            "turns taken": people,
            "letters": 0,
            "executions done": count * len(ONBOARDING.steps),
            "effects called": people + count,
        }
        found["mails"], found["mails twice"] = copies(_values(files["catcher"], "message_id"))
        found["notifications"], found["notifications twice"] = copies(_values(files["sink"], "webhook_id"))
        expected |= {"mails": people, "mails twice": 0, "notifications": count, "notifications twice": 0}
        demand(f"{name}, round {number + 1}", found, expected)

    @staticmethod
    def _results(names: TopicNames) -> list[str]:
        return [names.of(event) for step in ONBOARDING.steps for event in step.states]


def _leads_by_topic(reader: Reader) -> dict[str, int]:
    seen: dict[str, set[str]] = {}
    for record in reader.to_the_end():
        seen.setdefault(str(record.topic()), set()).add(orjson.loads(record.value() or b"")["lead_id"])
    return {f"{topic}: leads": len(ids) for topic, ids in seen.items()}


def _rows(store: Path) -> dict[str, int]:
    """Counts as SQL has them, read without the store's own code."""
    queries = {
        "contacts": "SELECT count(*) FROM contacts",
        "contacts with an owner": "SELECT count(*) FROM contacts WHERE owner_id IS NOT NULL",
        "turns taken": "SELECT sum(next) FROM turns",
        "letters": "SELECT count(*) FROM letters",
        "executions done": "SELECT count(*) FROM ledger WHERE status = 1",
        "effects called": "SELECT count(*) FROM effects WHERE status = 3",
    }
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return {name: connection.execute(query).fetchone()[0] for name, query in queries.items()}


def _values(file: Path, name: str) -> list[str]:
    return [orjson.loads(line)[name] for line in file.read_bytes().splitlines()]
