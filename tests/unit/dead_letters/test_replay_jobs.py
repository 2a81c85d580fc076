"""Plans and replay jobs."""

from __future__ import annotations

from tests.suites.replay_jobs import ReplayJobsSuite
from tests.suites.replay_plain import ReplayPlainSuite
from tests.suites.replay_plans import ReplayPlansSuite
from tests.suites.replay_resuming import ReplayResumingSuite


class TestReplayJobs(ReplayJobsSuite):
    pass


class TestReplayPlain(ReplayPlainSuite):
    pass


class TestReplayPlans(ReplayPlansSuite):
    pass


class TestReplayResuming(ReplayResumingSuite):
    pass
