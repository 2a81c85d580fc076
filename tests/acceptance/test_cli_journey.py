"""Take leads through the commands, from a file to `leads show`, with a real broker and worker."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.testing.mail_server import MailServer
from tests.acceptance.waiting import eventually
from tests.support.commands import ROSTER, Commands, Ended, ended
from tests.support.outside_client import end_of

STEPS = [
    "validate-lead",
    "find-duplicates",
    "create-or-update-contact",
    "assign-owner",
    "notify-owner",
    "send-welcome-email",
]


@dataclass
class Installation:
    """Settings, a mail server and, while one is started, a worker."""

    commands: Commands
    prefix: str
    folder: Path
    workers: list[Popen[bytes]] = field(default_factory=list)

    def start_worker(self, **settings: str) -> Popen[bytes]:
        """Start a worker and wait until it logs that it is ready."""
        worker = self.commands.set(**settings).start("worker", "--json-logs")
        self.workers.append(worker)
        assert worker.stderr is not None
        for line in worker.stderr:
            if line.startswith(b"{") and json.loads(line)["event"] == "ready":
                return worker
        raise AssertionError(f"the worker ended with {worker.wait(timeout=10)} before it was ready")

    def end_workers(self, number: signal.Signals = signal.SIGTERM) -> None:
        for worker in self.workers:
            ended(worker, number if worker.poll() is None else None)
        self.workers.clear()

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def letters(self, *arguments: str) -> list[dict[str, object]]:
        return self.commands.run("dead-letters", "list", "--json", *arguments).lines

    def steps_of(self, lead: str) -> list[str]:
        """Return the actions done for a lead; the order after the fourth is not fixed."""
        shown = self.commands.run("show", lead, "--json")
        if shown.code:
            return []
        runs = shown.json["leads"][0]["runs"]
        return sorted(
            (step["action"] for run in runs for step in run["steps"] if step["status"] == "done"),
            key=STEPS.index,
        )


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with MailServer(is_keeping=True) as server:
        yield server


@pytest.fixture
def installation(kafka: str, tmp_path: Path, mails: MailServer) -> Iterator[Installation]:
    prefix = f"t{uuid4().hex[:8]}."
    config = tmp_path / "leads.toml"
    # No retry comes due by itself while a busy machine takes its time: letters wait for the test's own replays.
    rules = '[leads]\ndefault_region = "DE"\n[topics]\npartitions = 3\n[retry]\ndelays = ["6h"]\n'
    config.write_text(ROSTER + rules)
    commands = Commands(
        {
            "LEADS_KAFKA": kafka,
            "LEADS_PREFIX": prefix,
            "LEADS_GROUP": prefix,
            "LEADS_CONFIG": str(config),
            "LEADS_DATA": str(tmp_path / "data"),
            "LEADS_SMTP": f"smtp://127.0.0.1:{mails.port}",
            "LEADS_NOTIFY": "mailto:",
        }
    )
    made = Installation(commands, prefix, tmp_path)
    yield made
    made.end_workers(signal.SIGKILL)
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 4})
    names = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
    for done in admin.delete_topics(names).values() if names else ():
        done.result(timeout=30)


def records_on(kafka: str, topic: str) -> int:
    """Count the records of a topic with a client that shares no code with ours."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "none", "log_level": 4})
    try:
        parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return sum(end_of(consumer, TopicPartition(topic, part)) for part in parts)
    finally:
        consumer.close()


def test_a_published_lead_can_be_shown_by_its_id_and_by_any_spelling_of_its_address(
    installation: Installation,
) -> None:
    leads = installation.write(
        "leads.csv",
        "lead_id,email,phone,utm\nl1,Ada@Acme.Example,030 1234567,spring\nl2,ada@acme.example,,\n",
    )
    installation.start_worker()

    published = installation.commands.run("publish", leads, "--json")
    eventually(lambda: installation.steps_of("l1"), lambda steps: steps == STEPS, within=60)
    eventually(lambda: installation.steps_of("l2"), lambda steps: steps == STEPS, within=60)
    person = installation.commands.run("show", " ADA@acme.example", "--json")
    table = installation.commands.run("show", "l1")
    unknown = installation.commands.run("show", "eve@acme.example", "--json")

    assert (published.code, published.json["published"], published.json["skipped"]) == (0, 2, 0)
    contact = person.json["contact"]
    assert contact["owner_id"] == "ada"
    assert contact["fields"]["phone"]["value"] == "+49301234567"
    assert {lead["lead_id"] for lead in person.json["leads"]} == {"l1", "l2"}
    assert all(step in table.out for step in STEPS)
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith("Error: nothing is known about 'eve@acme.example'")


def test_publishing_a_file_again_makes_no_second_lead(installation: Installation, mails: MailServer) -> None:
    leads = installation.write(
        "leads.jsonl", '{"email":"ada@acme.example"}\n{"email":"bob@acme.example"}\nnonsense\n'
    )
    installation.start_worker()

    def settled(records: int) -> Callable[[], dict[str, object]]:
        return lambda: installation.commands.run("status", "--json").json

    def is_settled(records: int) -> Callable[[dict[str, object]], bool]:
        def holds(status: dict[str, object]) -> bool:
            topics = {item["topic"]: item for item in status["kafka"]["topics"]}  # type: ignore[index]
            received = topics[f"{installation.prefix}leads.received.v1"]
            done = status["database"]["actions"].get("send-welcome-email", {})  # type: ignore[index]
            waiting = sum(item["waiting"] or 0 for item in topics.values())
            return received["records"] == records and waiting == 0 and done.get("done") == 2

        return holds

    first = installation.commands.run("publish", leads)
    once = eventually(settled(2), is_settled(2), within=60)
    second = installation.commands.run("publish", leads)
    twice = eventually(settled(4), is_settled(4), within=60)

    assert (first.code, second.code) == (1, 1), "the third line is not a lead"
    assert "line 3: skipped: not JSON at column 1" in first.err
    assert twice["database"] == once["database"]
    assert len(mails.mails) == 4, "two welcome mails and two notifications"


def test_what_failed_is_listed_shown_and_done_again(installation: Installation, mails: MailServer) -> None:
    commands = installation.commands
    leads = installation.write("leads.jsonl", '{"lead_id":"l1","email":"ada@acme.example"}\n')
    installation.start_worker(smtp="smtp://127.0.0.1:1")
    commands.run("publish", leads)
    letters = eventually(installation.letters, lambda found: len(found) == 2, within=60)
    first = str(letters[0]["id"])

    again = commands.run("dead-letters", "replay", first[:8], "--json")
    installation.end_workers()
    unheard = commands.run("dead-letters", "replay", first, "--wait", "0.5", "--json")
    installation.start_worker()
    eventually(installation.letters, lambda found: len(found) == 1, within=60)  # it was not lost
    every = commands.run("dead-letters", "replay", "--all", "--json")
    done = commands.run("dead-letters", "replay", first, "--json")
    nothing = commands.run("dead-letters", "replay", "--all", "--json")

    outcomes = [
        (ended.code, [line["outcome"] for line in ended.lines]) for ended in (again, unheard, every, done)
    ]
    assert outcomes == [
        (1, ["failed again"]),
        (1, ["pending"]),
        (0, ["resolved"]),
        (0, ["noop"]),
    ]
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing to do" in nothing.err
    assert {letter["code"] for letter in letters} == {"SMTP_UNREACHABLE"}
    assert installation.letters() == []
    assert len(installation.letters("--status", "resolved")) == 2
    assert len(mails.mails) == 2


def test_a_dead_letter_hides_its_record_until_it_is_asked_for(installation: Installation, kafka: str) -> None:
    installation.start_worker()
    producer = Producer({"bootstrap.servers": kafka, "log_level": 4})
    # A name that no id and no message contains; "ada", say, is part of "unreadable".
    person = b"zoltan@acme.example"
    headers: list[tuple[str, str | bytes | None]] = [("a", b"\xff"), ("a", None), ("b", person)]
    producer.produce(
        f"{installation.prefix}leads.received.v1", b"\xff" + person, key=b"zoltan", headers=headers
    )
    producer.flush(10)
    (letter,) = eventually(installation.letters, lambda found: len(found) == 1, within=60)
    letter_id = str(letter["id"])

    hidden = installation.commands.run("dead-letters", "show", letter_id[:6], "--json")
    text = installation.commands.run("dead-letters", "show", letter_id)
    revealed = installation.commands.run(
        "dead-letters", "show", letter_id, "--reveal", "--reason", "test", "--json"
    )
    replayed = installation.commands.run("dead-letters", "replay", letter_id)
    none = installation.commands.run("dead-letters", "show", "ffffffff")

    assert (letter["code"], letter["status"]) == ("NOT_UTF8", "parked")
    assert "zoltan" not in hidden.out + text.out + text.err
    assert revealed.json["record"]["key"] == "zoltan"
    assert revealed.json["record"]["headers"] == [
        {"name": "a", "value_base64": "/w=="},
        {"name": "a", "value": None},
        {"name": "b", "value": "zoltan@acme.example"},
    ]
    assert replayed.code == 1
    assert "failed again (NOT_UTF8)" in replayed.out
    assert (none.code, none.err) == (
        1,
        "Error: there is no dead letter ffffffff; `leads dead-letters list --status all` shows all.\n",
    )


def test_an_interrupted_publish_reports_how_many_leads_are_on_the_broker(
    installation: Installation, kafka: str
) -> None:
    topic = f"{installation.prefix}leads.received.v1"
    installation.commands.run("topics", "apply")
    publish = installation.commands.start("publish", "-", "--follow", "--json")
    assert publish.stdin is not None
    publish.stdin.write(b'{"email":"a@acme.example"}\n{"email":"b@acme.example"}\n{"email":"half')
    publish.stdin.flush()

    eventually(lambda: records_on(kafka, topic), lambda count: count == 2, within=20)
    interrupted = ended(publish, signal.SIGINT)

    assert interrupted.code == 130
    assert (interrupted.json["published"], interrupted.json["is_interrupted"]) == (2, True)
    assert "Interrupted: 2 leads published" in interrupted.err
    assert records_on(kafka, topic) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_ends_well_within_ten_seconds(
    installation: Installation, number: signal.Signals
) -> None:
    worker = installation.start_worker()

    began = time.monotonic()
    stopped: Ended = ended(worker, number, within=10)

    assert stopped.code == 0
    assert stopped.out == ""
    assert time.monotonic() - began < 10
    assert json.loads(stopped.err.splitlines()[-1])["event"] == "stopped"


def test_replay_all_leaves_a_letter_whose_call_may_have_been_made_to_a_person(
    installation: Installation, mails: MailServer
) -> None:
    commands = installation.commands
    leads = installation.write("leads.jsonl", '{"lead_id":"l1","email":"ada@acme.example"}\n')
    mails.behaviour.hang_up = "message"  # it takes the mail and hangs up before it answers
    installation.start_worker(notify="")
    commands.run("publish", leads)
    (letter,) = eventually(installation.letters, lambda found: len(found) == 1, within=60)
    mails.behaviour.hang_up = "never"

    every = commands.run("dead-letters", "replay", "--all", "--json")
    by_name = commands.run("dead-letters", "replay", str(letter["id"]), "--json")

    assert letter["code"] == "UNCERTAIN"
    assert (every.code, every.out) == (0, "")
    assert "1 letter left out" in every.err
    assert (by_name.code, by_name.json["outcome"]) == (0, "resolved")
    assert len(mails.mails) == 2, "the one that the server took, and the one of the replay"
