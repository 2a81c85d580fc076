"""P18: live leads per second beside a replay job, against the same installation without one.

Every contender has the same dead letters, of leads whose welcome and notice failed while mail server and webhook were
away. `alone` lets them lie. Beside the others `leads dead-letters apply` replays them, begun before the live leads
come, and past its canary: with its default pace, by which it waits while live traffic is far behind, and without that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.checks import WrongRunError, copies, demand
from bench.cluster import Cluster
from bench.events import LATE, LIVE, leads, people_of
from bench.installation import CALLS, LETTERS_PER_S_AT_LEAST, Installation
from bench.onboarded import ROWS, START_S, leads_by_topic, results, rows, until_onboarded, values
from bench.processes import Talking, taken
from bench.progress import Progress
from bench.rounds import Figures, Target
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived, LeadRejected, LeadWelcomed, OwnerNotified
from topics.registry import TopicNames

ALONE = "alone"
PACES: dict[str, tuple[str, ...]] = {"yielding": (), "unyielding": ("--yield-to-lag", "none")}
"""Options of the job, by contender; all else is as `apply` has it by default."""
P18 = Target(
    "P18",
    "live onboarding, a replay job beside it",
    "leads_per_s",
    "yielding",
    ALONE,
    must=0.8,
    stretch=0.9,
    is_less_better=False,
)
P18_UNYIELDING = replace(
    P18,
    id="P18, unyielding",
    what="the same, the job with --yield-to-lag none",
    above="unyielding",
)
CANARY = 1 + 10 + 100
"""Letters of the first steps, which wait for their outcomes."""
RESOLVED = "SELECT count(*) FROM letters WHERE status = 'resolved'"
_REPLAY_ROWS = ROWS | {
    "letters resolved": RESOLVED,
    "letters scheduled": "SELECT count(*) FROM letters WHERE status = 'scheduled'",
    "letters replayed by the job": "SELECT count(*) FROM replay_job_items WHERE state = 'resolved'",
    "jobs done": "SELECT count(*) FROM replay_jobs WHERE status = 'done'",
}


@dataclass(slots=True)
class ReplayingRuns:
    """Runs contenders, each an installation of its own."""

    cluster: Cluster
    folder: Path
    run_id: str
    live: int
    """Leads that are measured."""
    late: int
    """Leads that became dead letters before, `CALLS` each."""
    progress: Progress

    def run(self, name: str, number: int) -> Figures:
        """Run one contender and check what it did everywhere. Raises `WrongRunError`."""
        what = f"{name}, round {number + 1}"
        folder = self.folder / f"{name}-{number}"
        folder.mkdir()
        with Installation(self.cluster, folder, f"{self.run_id}.{name}-{number}") as made:
            self.progress.say(f"round {number + 1}: {self.late * CALLS} letters are made for {name}")
            made.open()
            made.fail(self.late)
            job = self._begin(made, name)
            self.progress.say(f"round {number + 1}: {name}, {self.live} live leads")
            figures = self._measure(made, job, what)
            if job is not None:
                code = job.end(START_S + self.late * CALLS / LETTERS_PER_S_AT_LEAST)
                demand(what, {"exit code of the job": code}, {"exit code of the job": 0})
        demand(
            what,
            found(self.cluster, made),
            demanded(made.names, self.live, self.late, is_replayed=job is not None),
        )
        return figures

    def _begin(self, made: Installation, name: str) -> Talking | None:
        """Begin the replay job, if there is to be one, and wait until it goes at its full pace."""
        if name == ALONE:
            return None
        made.leads("dead-letters", "plan", "--all", "--out", "letters.plan")
        job = made.start("dead-letters", "apply", "letters.plan", *PACES[name], "--reason", "they are back")
        made.wait(RESOLVED, CANARY, START_S + CANARY / LETTERS_PER_S_AT_LEAST, job)
        return job

    def _measure(self, made: Installation, job: Talking | None, what: str) -> dict[str, float]:
        worker_s, letters = made.worker.cpu_s(), made.count(RESOLVED)
        job_s = 0.0 if job is None else job.cpu_s()
        ids = (f"{LIVE}{number}" for number in range(self.live))
        seconds = until_onboarded(self.cluster, made.names, leads(self.live), ids, made.worker)
        figures = {
            "leads": self.live,
            "seconds": seconds,
            "leads_per_s": self.live / seconds,
            "cpu_us_per_lead": (made.worker.cpu_s() - worker_s) / self.live * 1e6,
        }
        if job is None:
            return figures
        meanwhile = made.count(RESOLVED) - letters
        if not job.is_running() or meanwhile + letters == self.late * CALLS:
            raise WrongRunError(
                f"{what}: the replay ended before the {seconds:.0f} s of the live leads did; give more --letters"
            )
        return figures | {
            "letters_meanwhile": meanwhile,
            "letters_per_s": meanwhile / seconds,
            "job_cpu_percent": (job.cpu_s() - job_s) / seconds * 100,
        }


def found(cluster: Cluster, made: Installation) -> dict[str, int]:
    """Count what came of live and late leads, with the installation's processes ended."""
    counted = rows(made.store, _REPLAY_ROWS) | {"offsets committed": made.committed()}
    for topic, ids in leads_by_topic(cluster, results(made.names)).items():
        for kind in (LIVE, LATE):
            counted[f"{topic}: {kind}…"] = sum(lead.startswith(kind) for lead in ids)
    counted["mails"], counted["mails twice"] = copies(values(taken("mail_server", made.folder), "message_id"))
    notices = values(taken("webhook_receiver", made.folder), "webhook_id")
    counted["notifications"], counted["notifications twice"] = copies(notices)
    return counted


def demanded(names: TopicNames, live: int, late: int, *, is_replayed: bool) -> dict[str, int]:
    """Return what `found` must contain: all live leads onboarded once, and all letters resolved if there was a job."""
    people = people_of(live)
    replayed = late if is_replayed else 0
    by_topic: dict[str, int] = {}
    for topic in results(names):
        is_last = topic in (names.of(LeadWelcomed), names.of(OwnerNotified))
        by_topic |= {f"{topic}: {LIVE}…": live, f"{topic}: {LATE}…": replayed if is_last else late}
    by_topic |= {f"{names.of(LeadRejected)}: {kind}…": 0 for kind in (LIVE, LATE)}
    return by_topic | {
        "contacts": people + late,
        "contacts with an owner": people + late,
        "turns taken": people + late,
        "letters": late * CALLS,
        "letters resolved": replayed * CALLS,
        "letters scheduled": (late - replayed) * CALLS,
        "letters replayed by the job": replayed * CALLS,
        "jobs done": 1 if is_replayed else 0,
        "executions done": live * len(ONBOARDING.steps_of(LeadReceived))
        + late * (len(ONBOARDING.steps_of(LeadReceived)) - CALLS)
        + replayed * CALLS,
        "effects called": people + live + replayed * CALLS,
        # A replay moves no offset: late leads count once, as they came.
        "offsets committed": (live + late) * len({step.reads for step in ONBOARDING.steps_of(LeadReceived)}),
        "mails": people + replayed,
        "mails twice": 0,
        "notifications": live + replayed,
        "notifications twice": 0,
    }
