"""Run many commands of `leads`, each in a forked process, and load their modules once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.processes import REPOSITORY, clean_environment
from tests.support.commands import Ended


class Forking:
    """A process that has loaded `leads` and forks for each command."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Start the process with these LEADS_* variables and no others."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=REPOSITORY,
            env={**clean_environment(), **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Ended:
        """Run `leads …` to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([arguments, dict(settings or {})]).encode() + b"\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _forked(arguments: list[str], settings: dict[str, str], out: Path, err: Path) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code: object = 0
    try:
        for number, path in ((0, Path(os.devnull)), (1, out), (2, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        os.environ |= settings
        sys.argv = ["leads", *arguments]
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - the interpreter reports any exception this way
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    # Modules that every command about letters loads.
    from streams import onboarding, wiring  # noqa: F401
    from streams.interfaces.cli import letters  # noqa: F401
    from streams.interfaces.cli.main import main
    from streams.interfaces.common import connections, errors  # noqa: F401
    from streams.store import migrate  # noqa: F401

    with TemporaryDirectory() as folder:
        for line in sys.stdin:
            outputs = [Path(folder, name) for name in ("out", "err")]
            for each in outputs:
                each.write_bytes(b"")
            ended = _forked(*json.loads(line), *outputs)
            print(json.dumps([ended, *(each.read_text() for each in outputs)]), flush=True)  # noqa: T201
