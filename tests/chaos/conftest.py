"""Servers for the chaos scenarios, and a table of what each run came to."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.figures import IS_SMALL, SEED, SIZE, SOAK_MINUTES
from tests.chaos.rig import Rig
from tests.chaos.servers import Broker, Postgres

collect_ignore = [] if SOAK_MINUTES else ["test_soak.py"]
if IS_SMALL:
    collect_ignore += ["test_poison_flood.py", "test_verify_finds_seeded_bugs.py"]

Row = tuple[str, str]
RESULTS = pytest.StashKey[list[Row]]()


def pytest_report_header() -> str:
    return f"chaos: {SIZE} figures; LEADS_CHAOS_SEED={SEED} repeats the choices of this run"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(RESULTS, [])
    if rows:
        terminalreporter.section(f"chaos, {SIZE} figures, seed {SEED}")
    for name, text in rows:
        terminalreporter.write_line(f"{name}: {text}")


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say how far a scenario is; seen with -s, and when it fails."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"  {request.node.name} {time.monotonic() - began:6.1f} s  {text}", flush=True)  # noqa: T201

    say(f"seed {SEED}")
    return say


@pytest.fixture
def result(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Add a line to the table that the run ends with."""

    def add(text: str) -> None:
        request.config.stash.setdefault(RESULTS, []).append((request.node.name, text))

    return add


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Yield a broker that may be killed; whoever kills it starts it again."""
    found = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        found.start()
        found.warm_up()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Yield a PostgreSQL server that may be killed; whoever kills it starts it again."""
    # Not in pytest's own folder, which is closed to the user that the server runs as when we are root.
    with tempfile.TemporaryDirectory(prefix="leads-chaos-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        found = Postgres(Path(folder) / "data")
        yield found
        found.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy URL of an empty database of the kind that the scenario names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'leads.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def rig(broker: Broker, database: str, tmp_path: Path, tell: Callable[[str], None]) -> Iterator[Rig]:
    """Yield an installation on that database, not yet opened."""
    made = Rig(broker, database, tmp_path, tell)
    yield made
    made.close()
