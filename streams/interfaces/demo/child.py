"""This file runs a module as the child of a demo: it ends in order when its parent is gone, however that ended.

Run as `python -m streams.interfaces.demo.child MODULE ARGUMENTS…` with a pipe as stdin that the parent holds open.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _end_with_parent() -> None:
    while os.read(
        0, 1
    ):  # nothing is ever written: this returns when the other end is closed, also by SIGKILL
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Watch stdin in a thread, and be the module."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
