"""Run one contender in a fresh process: `python -m bench.contender NAME SPEC`, specification and result as JSON."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping

import orjson


def say(**news: object) -> None:
    """Tell the parent, one line of JSON each."""
    sys.stdout.write(orjson.dumps(news).decode() + "\n")
    sys.stdout.flush()


async def stop_requested() -> None:
    """Wait until the parent closes our standard input."""
    # No thread: one that reads would keep a contender that failed from ending.
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, ended.set)  # nothing is ever written to it
    await ended.wait()
    loop.remove_reader(sys.stdin)


async def _run(name: str, spec: dict[str, object]) -> Mapping[str, object]:
    if name in ("engine", "plain", "stock"):
        from bench import passing  # noqa: PLC0415 - a contender must not pay for what another one imports

        passed = passing.Passing(**spec)  # type: ignore[arg-type]  # our own parent wrote it
        return await getattr(passing, name)(passed)  # type: ignore[no-any-return]  # as above
    from bench import onboarding  # noqa: PLC0415 - as above

    task = onboarding.Onboarding(**spec)  # type: ignore[arg-type]  # as above
    if name == "worker":
        return await onboarding.worker(task, say, stop_requested)
    from bench.naive import naive  # noqa: PLC0415 - as above

    return await naive(task, say, stop_requested)


def main() -> None:
    """Run the contender and say what it measured."""
    # As `leads worker` has it: what is below warnings is not even made.
    logging.basicConfig(level=logging.WARNING)
    logging.disable(logging.INFO)
    name, spec = sys.argv[1], orjson.loads(sys.argv[2])
    say(measured=asyncio.run(_run(name, spec)))


if __name__ == "__main__":
    main()
