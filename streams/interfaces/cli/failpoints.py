"""`leads failpoints`: lists the places where tests can make a worker die, fail or stall."""

from __future__ import annotations

from streams.interfaces.common.output import AsJson, print_out, write_json


def failpoints(*, as_json: AsJson = False) -> None:
    """List the failpoints. LEADS_FAILPOINT=NAME:NTH:kill|raise|delay=SECONDS arms one in a worker.

    Exit code: 0.
    """
    from streams.failpoints import POINTS

    if as_json:
        write_json([{"name": name, "when": when} for name, when in POINTS.items()])
        return
    for name, when in POINTS.items():
        print_out(f"{name:<24}{when}")
