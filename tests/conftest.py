"""This file makes a skipped test a red one in CI: what was not run was not shown."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if os.environ.get("CI") and skipped:
        print(f"\n{len(skipped)} tests were skipped, which CI does not accept")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
