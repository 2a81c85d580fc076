"""Run a module with its output in a file, and report the resources it used: `python -m bench.used FILE MODULE…`.

A process of its own, and a small one: on Linux a child's memory at most counts that of who started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Print `{"used": {"seconds": …, "mib": …}}`; gives the module's exit code."""
    printed, *module = sys.argv[1:]
    began = time.monotonic()
    with Path(printed).open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", *module], stdin=subprocess.DEVNULL, stdout=file)
        # What it used is told only here: who waits in another way throws it away.
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    mib = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    sys.stdout.write(json.dumps({"used": {"seconds": seconds, "mib": mib}}) + "\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
