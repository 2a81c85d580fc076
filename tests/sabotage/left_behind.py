"""Let real workers go through a scenario, and print what `leads verify` finds afterwards.

`python -m tests.sabotage.left_behind HOST:PORT SCENARIO` is run in a copy of the repository that has a sabotage in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance.processes import REPOSITORY, clean_environment
from tests.sabotage.scenarios import SCENARIOS, Installation


def main(kafka: str, scenario: str) -> int:
    """Return the exit code of `leads verify`; its output goes to stdout."""
    with tempfile.TemporaryDirectory(prefix="leads-left-behind-") as name:
        stage = Installation(kafka, f"sqlite:///{Path(name) / 'leads.db'}", Path(name))
        try:
            SCENARIOS[scenario](stage)
            journals = ("--mails", str(stage.mails.file), "--webhooks", str(stage.webhooks.file))
            return subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "streams.interfaces.cli.main",
                    "verify",
                    "--json",
                    "--limit",
                    "3",
                    *journals,
                ],
                cwd=REPOSITORY,
                env={**clean_environment(), **stage.environment},
                check=False,
                timeout=60,
            ).returncode
        finally:
            stage.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
