"""Scenarios for real workers in which a sabotage that can reach the data does reach it.

Without a sabotage each of them leaves nothing to find.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from random import Random

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from tests.acceptance.commanding import leads as command
from tests.acceptance.making import event_headers, mixture, person
from tests.acceptance.processes import Process
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.support.outside_client import REQUESTS, ends

LEADS = 300
ANSWER_S = 0.5
"""Of mail server and webhook: a worker dies in the midst of calls."""
COMMITS_WITHIN_S = 1.3
"""Offsets are committed every second: what was acknowledged too early is so for good."""
QUICK_RETRY = '[retry]\ndelays = ["1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]\n'
ROWS = "SELECT count(*) FROM ledger"
CALLS = "SELECT count(*) FROM effects"
ENDED_CALLS = "SELECT count(*) FROM effects WHERE status <> 1"


class Installation(Stage):
    """A stage whose workers may have failpoints."""

    def start_worker(self, *failpoints: str) -> Process:
        """Start `leads worker`, one that meets these failpoints."""
        worker = Process(
            ["streams.interfaces.cli.main", "worker"],
            {**self.environment, **({"LEADS_FAILPOINT": ",".join(failpoints)} if failpoints else {})},
            self.folder / f"worker{len(self.workers)}.log",
        )
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """Let a fresh worker end what is there, as far as it comes."""
        worker = self.running[0] if self.running else self.start_worker()
        try:
            self.settle(within=40)
        except AssertionError:
            sys.stderr.write("the group did not settle everything\n")
        worker.terminate(within=15)

    def wait_for(self, statement: str, least: int) -> None:
        """Wait until a SELECT counts so many, as far as it ever does."""
        try:
            eventually(lambda: self.count(statement), lambda found: found >= least, within=30, every=0.05)
        except AssertionError:
            sys.stderr.write(f"never {least} of {statement}\n")


def leads(count: int = LEADS) -> list[Published]:
    return mixture(count, Random(7)).records


def killed(stage: Installation) -> None:
    """Kill a worker in the midst of its calls, and let another one end its work."""
    stage.mails.delay_s = stage.webhooks.delay_s = ANSWER_S
    stage.open()
    stage.publish(leads())
    first = stage.start_worker()
    stage.wait_for(CALLS, 1)
    time.sleep(COMMITS_WITHIN_S)
    first.kill()
    stage.end()


def cut_off(stage: Installation) -> None:
    """Let a worker die when calls were made and nothing of it is written."""
    stage.mails.delay_s = stage.webhooks.delay_s = 0.05
    stage.open()
    stage.publish(leads())
    first = stage.start_worker("mail.after:40:kill")
    eventually(lambda: first.is_running, lambda running: not running, within=60)
    stage.end()


def failing(stage: Installation) -> None:
    """Let commits, publishing and calls fail now and then, and kill the worker when that is acknowledged."""
    points = [f"store.commit.before:{number}:raise" for number in range(8, 60, 5)]
    points += [f"publish.before:{number}:raise" for number in (2, 4, 6, 9)]
    points += [f"call.after:{number}:raise" for number in (5, 11)]
    points += ["mail.after:7:raise"]  # the others may all be webhook calls, which may come again
    stage.open()
    stage.publish(leads())
    first = stage.start_worker(*points)
    stage.wait_for(ROWS, LEADS // 2)
    stage.wait_for(ENDED_CALLS, 12)
    time.sleep(COMMITS_WITHIN_S + 1)
    first.kill()
    stage.end()


def poisoned(stage: Installation) -> None:
    """Begin with what cannot be read, odd to the byte, while publishing fails at first."""
    headers = [("x", b"1"), ("x", None), ("content-type", b"application/json"), ("x", b"2")]
    odd = [Published(b'  {"email": "cut off \n ', b"key %d" % number, headers) for number in range(30)]
    stage.open()
    stage.publish(odd)
    first = stage.start_worker(*(f"publish.before:{number}:raise" for number in (1, 2, 3)))
    stage.wait_for(ROWS, len(odd))
    time.sleep(6 + COMMITS_WITHIN_S)
    first.kill()
    stage.publish(leads(60))
    stage.end()


def refused(stage: Installation) -> None:
    """Let the broker refuse results for a while, and kill the worker meanwhile."""
    stage.open()
    topic = f"{stage.prefix}leads.matched.v1"
    first = stage.start_worker()
    stage.publish(leads(20))
    stage.settle(within=40)
    _configure(stage, topic, "max.message.bytes", "200")  # a worker that starts would set it right
    stage.publish([_lead(number) for number in range(5000, 5100)])
    stage.wait_for("SELECT count(*) FROM ledger WHERE action = 'find-duplicates'", 21)
    time.sleep(COMMITS_WITHIN_S + 1)
    first.kill()
    _configure(stage, topic, "max.message.bytes", str(1 << 20))
    stage.end()


def _configure(stage: Installation, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": stage.kafka, "log_level": 4})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(timeout=10)


def mails_away(stage: Installation) -> None:
    """Take the mail server away until its step pauses, and kill the worker that put records aside."""
    stage.open(QUICK_RETRY)
    stage.mails.stop()
    stage.publish(leads(250))
    first = stage.start_worker()
    stage.wait_for("SELECT count(*) FROM pauses", 1)
    stage.publish([_lead(number) for number in range(5000, 5100)])
    stage.wait_for("SELECT count(*) FROM ledger WHERE action = 'notify-owner'", 300)
    time.sleep(COMMITS_WITHIN_S)
    first.kill()
    stage.mails.start()
    stage.end()
    _wait_for_retries(stage)


def _wait_for_retries(stage: Installation) -> None:
    stage.start_worker()
    try:
        eventually(
            lambda: stage.count("SELECT count(*) FROM letters WHERE status IN ('scheduled', 'replaying')"),
            lambda waiting: not waiting,
            within=60,
        )
    except AssertionError:
        sys.stderr.write("some retries were never made\n")
    stage.end()


def _lead(number: int, event: str | None = None, **fields: object) -> Published:
    attributes = {"time": str(fields.pop("time"))} if "time" in fields else {}
    body = json.dumps({**person(number), "lead_id": f"lead-{number}", **fields}).encode()
    return Published(body, b"key %d" % number, event_headers(event or f"e-{number}", **attributes))


def read_again(stage: Installation) -> None:
    """Let old news come late and ids come again with other content, replay letters; then read all of it once more."""
    stage.mails.delay_s = 0.05
    stage.open()
    stage.publish([_lead(number, time="2026-11-23T12:00:00Z") for number in range(40)])
    first = stage.start_worker("call.before:10:kill")
    eventually(lambda: first.is_running, lambda running: not running, within=60)
    stage.start_worker()
    stage.wait_for("SELECT count(*) FROM letters", 1)
    mailed = stage.mails.file.read_text()
    uncertain = stage.sql("SELECT id, lead_id FROM letters")
    # As a person does who has looked at the mail server.
    not_sent = [
        str(letter) for letter, lead in uncertain if f'"person{lead.removeprefix("lead-")}@' not in mailed
    ]
    if not_sent:
        command(stage, "dead-letters", "replay", *not_sent, code=None)  # with a sabotage they may fail again
    stage.publish([_lead(n, f"old-{n}", company="Old GmbH", time="2026-11-23T08:00:00Z") for n in range(10)])
    stage.publish(
        [_lead(n, f"e-{n}", message="Something else", time="2026-11-23T12:00:00Z") for n in range(10, 20)]
    )
    stage.end()
    member = Consumer({"bootstrap.servers": stage.kafka, "group.id": stage.group})
    # Requests are left out: what they ask for again is answered by noop, and closes its letter.
    places = [place for place in ends(stage.kafka, stage.prefix) if place[0] != REQUESTS]
    begins = [TopicPartition(stage.prefix + topic, partition, 0) for topic, partition in places]
    member.commit(offsets=begins, asynchronous=False)
    member.close()
    stage.end()


SCENARIOS: dict[str, Callable[[Installation], None]] = {
    "killed": killed,
    "cut-off": cut_off,
    "failing": failing,
    "poisoned": poisoned,
    "refused": refused,
    "mails-away": mails_away,
    "read-again": read_again,
}
