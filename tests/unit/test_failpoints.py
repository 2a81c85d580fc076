"""The failpoints are complete, listed, and act when they are armed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams import failpoints
from streams.failpoints import POINTS, FailpointError, arm, parse, reach

ROOT = Path(failpoints.__file__).parent
CORE = [
    "engine",
    "dead_letters/retries.py",
    "adapters",
    "kafka/producer.py",
    "store/engine.py",
]
LASTING = re.compile(
    r"engine\.begin\(|consumer\.commit\(|await _all\(futures|await call\(\)|_session\.post\("
    r"|_exchange\(body|await work"
)
"""Source texts of the core that commit, publish, call, post or acknowledge."""


def sources() -> Iterator[Path]:
    for name in CORE:
        path = ROOT / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


def functions(path: Path) -> Iterator[tuple[str, list[str]]]:
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}:{node.name}", text.splitlines()[node.lineno - 1 : node.end_lineno]


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(())


def test_whatever_lasts_has_a_failpoint_before_and_after_it() -> None:
    bare, found = [], set()
    for path in sources():
        for where, lines in functions(path):
            for number, line in enumerate(lines):
                if (match := LASTING.search(line)) is None:
                    continue
                found.add(match[0])
                before = sum("reach(" in each for each in lines[:number])
                after = sum("reach(" in each for each in lines[number + 1 :])
                # A transaction commits where its block ends: the point before that is inside of it.
                if after < 2 if line.strip().startswith("with") else not (before and after):
                    bare.append(f"{where}: {line.strip()}")

    assert bare == []
    assert found == {each.replace("\\", "") for each in LASTING.pattern.split("|")}


def test_the_list_names_exactly_the_places_in_the_code() -> None:
    places = [
        name
        for path in sources()
        for name in re.findall(r'reach\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    ]

    assert sorted(places) == sorted(POINTS)


def test_an_armed_point_raises_at_its_time_and_only_then() -> None:
    arm(parse("call.after:2:raise"))

    reach("call.after")
    reach("call.before")
    with pytest.raises(FailpointError, match=r"call\.after"):
        reach("call.after")
    reach("call.after")


def test_an_armed_point_kills_without_any_farewell() -> None:
    code = (
        "import atexit; atexit.register(print, 'farewell')\n"
        "from streams.failpoints import arm, parse, reach\n"
        "arm(parse('publish.sent:1:kill')); reach('publish.sent'); print('alive')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, check=False, timeout=60
    )

    assert ended.returncode == -9
    assert ended.stdout == b""


@pytest.mark.parametrize(
    "text", ["call.after", "call.after:0:kill", "call.after:1:explode", "nowhere:1:kill", ""]
)
def test_what_is_no_failpoint_is_refused_with_the_next_step(text: str) -> None:
    with pytest.raises(ValueError, match=r"e\.g\. call\.after:3:kill|`leads failpoints` lists them"):
        parse(text)
