"""P3: leads onboarded per second, seen from outside, from the first publish to the last result."""

from __future__ import annotations

import base64
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.checks import copies, demand
from bench.cluster import Cluster
from bench.events import LIVE, leads, people_of
from bench.onboarded import ROWS, START_S, leads_by_topic, results, rows, until_onboarded, values
from bench.processes import PREVIOUS, SERVERS, Talking, build_of, outside, taken
from bench.progress import Progress
from bench.rounds import Figures, Target
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived, LeadRejected
from topics.registry import TOPICS, TopicNames

P3 = Target(
    "P3", "whole onboarding", "leads_per_s", "worker", "naive", must=10, stretch=20, is_less_better=False
)
P3_PREVIOUS = Target(
    "P3",
    "against the previous build",
    "leads_per_s",
    "worker",
    PREVIOUS,
    must=0.95,
    stretch=1.0,
    is_less_better=False,
)


@dataclass(slots=True)
class OnboardingRuns:
    """Runs contenders, each with fresh topics, a fresh database and fresh servers outside."""

    cluster: Cluster
    folder: Path
    run_id: str
    leads: dict[str, int]
    """How many, by contender: the naive one is given fewer, which its rate does not suffer from."""
    progress: Progress
    previous: Path | None = None
    """Checkout of the build that runs as the contender `PREVIOUS`."""

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
            ports = {
                server: stack.enter_context(outside(server, folder, secret)).hear("port", START_S)
                for server in SERVERS
            }
            spec = {
                "kafka": self.cluster.bootstrap,
                "prefix": names.prefix,
                "group": group,
                "folder": str(folder),
                "smtp": f"smtp://127.0.0.1:{ports['mail_server']}?starttls=never",
                "notify": f"http://127.0.0.1:{ports['webhook_receiver']}/",
                "notify_secret": secret,
            }
            contender, build = build_of(name, "worker", self.previous)
            arguments = ["bench.contender", contender, orjson.dumps(spec).decode()]
            child = stack.enter_context(Talking(arguments, folder, name, build=build))
            child.hear("ready", START_S)
            ids = (f"{LIVE}{number}" for number in range(count))
            seconds = until_onboarded(self.cluster, names, leads(count), ids, child)
            child.let_go()
            figures = child.hear("measured", START_S)
        self._check(name, number, names, group, folder)
        return {
            "leads": count,
            "seconds": seconds,
            "leads_per_s": count / seconds,
            "cpu_us_per_lead": figures["cpu_s"] / count * 1e6,
            "process_cpu_s": figures["process_cpu_s"],
        }

    def _check(self, name: str, number: int, names: TopicNames, group: str, folder: Path) -> None:
        count = self.leads[name]
        people = people_of(count)
        by_topic = leads_by_topic(self.cluster, results(names))
        found = {f"{topic}: leads": len(ids) for topic, ids in by_topic.items()}
        expected: dict[str, object] = dict.fromkeys(found, count)
        expected[f"{names.of(LeadRejected)}: leads"] = 0
        found["offsets committed"] = self.cluster.committed(
            group, [names.of(event) for event in ONBOARDING.inputs]
        )
        expected["offsets committed"] = count * len(
            {step.reads for step in ONBOARDING.steps_of(LeadReceived)}
        )
        found |= rows(folder / "leads.db", ROWS)
        expected |= {
            "contacts": people,
            "contacts with an owner": people,
            "turns taken": people,
            "letters": 0,
            "executions done": count * len(ONBOARDING.steps_of(LeadReceived)),
            "effects called": people + count,
        }
        mails, notifications = (
            values(taken("mail_server", folder), "message_id"),
            values(taken("webhook_receiver", folder), "webhook_id"),
        )
        found["mails"], found["mails twice"] = copies(mails)
        found["notifications"], found["notifications twice"] = copies(notifications)
        expected |= {"mails": people, "mails twice": 0, "notifications": count, "notifications twice": 0}
        demand(f"{name}, round {number + 1}", found, expected)
