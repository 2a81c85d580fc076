"""What README.md shows runs as it is shown."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streams.interfaces.cli.derive import with_diagram
from tests.acceptance.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python|console)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)

# A lead takes a moment from step to step. What README.md shows after publishing is asked for until it is there.
WAITED_FOR = {
    "leads show jane.doe@example.com": "lead.welcomed",
    "leads dead-letters list": "SMTP_UNREACHABLE",
    "leads show lee@example.com": "lead.welcomed",
}
OF_ANOTHER_SERVICE = "pip install confluent-kafka"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Return the Python of another service, which has installed what README.md names and nothing of ours."""
    assert f"`{OF_ANOTHER_SERVICE}`" in README
    folder = tmp_path / "service"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", *OF_ANOTHER_SERVICE.split(), "--quiet", "--disable-pip-version-check"]
    subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
    return python


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in a folder as a reader of README.md has it, with an empty data folder."""
    shutil.copy(ROOT / "leads.sample.toml", tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LEADS_")}
    environment["LEADS_DATA"] = str(tmp_path / "data")
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
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
    running.wait(10)
    leads = Path(sys.prefix) / "bin" / "leads"
    subprocess.run([leads, "kafka", "stop"], env=environment, check=False, capture_output=True)


def waiting(line: str) -> str:
    """Return the command so that it is repeated until it prints what it is waited for."""
    command = line.partition(" #")[0].strip()
    if command not in WAITED_FOR:
        return line
    found = f"{command} | grep {WAITED_FOR[command]} >/dev/null"
    return f"for i in $(seq 60); do {found} && break; sleep 0.5; done; {command}; {found}"


@pytest.mark.timeout(300)
def test_the_commands_and_examples_of_the_readme_run_in_their_order(
    shell: subprocess.Popen[str], service: Path, tmp_path: Path
) -> None:
    lines = ["set -o pipefail", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]
    ports = {"9092": str(free_port()), "2525": str(free_port())}
    for number, (kind, text) in enumerate(BLOCKS):
        if kind == "sh":
            commands = re.sub("|".join(ports), lambda port: ports[port[0]], text)
            lines += map(waiting, commands.splitlines())
        elif kind == "python":
            (tmp_path / f"example{number}.py").write_text(text, encoding="utf-8")
            python = service if "confluent_kafka" in text else "python"
            lines.append(f"timeout 60 {python} -W error example{number}.py")

    printed, _ = shell.communicate("\n".join([*lines, "echo all of it ran"]), timeout=240)

    assert shell.returncode == 0, printed
    assert "all of it ran" in printed
    assert "crm.contact.upserted.v1" in printed
    assert "resolved" in printed
    mails = (tmp_path / "mails.jsonl").read_text(encoding="utf-8")
    assert [mails.count(f"{name}@example.com") >= 1 for name in ("jane.doe", "max", "lee")] == [True] * 3


def test_make_has_the_targets_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", README))
    assert {name for name in named if f"\n{name}:" not in makefile} == set()


def test_the_diagram_is_the_workflow() -> None:
    assert with_diagram(README) == README, "run `make derive`"


def test_every_page_the_readme_links_to_is_there() -> None:
    linked = re.findall(r"\]\(((?!http)[^)#]+)", README)
    assert [page for page in linked if not (ROOT / page).exists()] == []
