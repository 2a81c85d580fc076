"""What README.md shows runs as it is shown."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.interfaces.cli.derive import with_diagram

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python|console)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)

# A run takes a moment: what README shows right after publishing is asked for until it is there.
SHOW = re.compile(r"^(leads show [^#\n]*?)( *#.*)?$", re.MULTILINE)
READ_BOOTSTRAP = 'import json, sys; print(json.load(sys.stdin)["bootstrap"])'


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in a folder as a reader of README.md has it, with an empty data folder."""
    shutil.copy(ROOT / "leads.sample.toml", tmp_path)
    bin_folder = Path(sys.executable).parent
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LEADS_")}
    environment |= {
        "PATH": f"{bin_folder}{os.pathsep}{environment['PATH']}",
        "LEADS_DATA": str(tmp_path / "data"),
    }
    running = subprocess.Popen(
        ["bash", "-e"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield running
    # The group outlives the shell: worker and mail server are its background jobs.
    os.killpg(running.pid, signal.SIGTERM)
    running.wait(10)
    subprocess.run([bin_folder / "leads", "kafka", "stop"], env=environment, check=False, capture_output=True)


@pytest.mark.timeout(300)
def test_the_commands_and_examples_of_the_readme_run_in_their_order(
    shell: subprocess.Popen[str], tmp_path: Path
) -> None:
    lines = ["set -o pipefail", "trap 'kill $(jobs -p)' EXIT"]
    for number, (kind, text) in enumerate(BLOCKS):
        if kind == "sh":
            commands = text.replace("2525", str(free_port()))
            wait = r"for i in $(seq 60); do \1 | grep -q lead.welcomed && break; sleep 0.5; done; \1"
            lines.append(SHOW.sub(wait, commands) if "publish -" in commands else commands)
            if "kafka start" in commands:
                lines.append(
                    f"export LEADS_KAFKA=$(leads kafka status --json | python -c '{READ_BOOTSTRAP}')"
                )
        elif kind == "python":
            (tmp_path / f"example{number}.py").write_text(text, encoding="utf-8")
            lines.append(f"timeout 60 python -W error example{number}.py")

    printed, _ = shell.communicate("\n".join([*lines, "echo all of it ran"]), timeout=240)

    assert shell.returncode == 0, printed
    assert "all of it ran" in printed
    assert "crm.contact.upserted.v1" in printed
    assert (tmp_path / "mails.jsonl").read_text(encoding="utf-8").count("jane.doe@example.com") >= 1


def test_make_has_the_targets_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))
    assert {name for name in named if f"\n{name}:" not in makefile} == set()


def test_the_diagram_is_the_workflow() -> None:
    assert with_diagram(README) == README, "run `make derive`"


def test_every_page_the_readme_links_to_is_there() -> None:
    linked = re.findall(r"\]\(((?!http)[^)#]+)", README)
    assert [page for page in linked if not (ROOT / page).exists()] == []
