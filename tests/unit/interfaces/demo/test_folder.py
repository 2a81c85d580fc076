"""The demo's folder and settings: nothing reaches real people or real data."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.demo.folder import DemoFolder, child_environment, count_lines, demo_settings
from streams.settings import Settings, load_config


def test_a_folder_gets_a_roster_and_keeps_the_one_it_has(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    folder.make()
    owners = load_config(folder.config).owners
    folder.config.write_text("# mine")
    folder.make()

    assert len(owners) == 5
    assert folder.config.read_text() == "# mine"


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    with (
        folder.held(),
        pytest.raises(WrongUseError, match=r"a demo already runs in"),
        DemoFolder(tmp_path).held(),
    ):
        pass
    with DemoFolder(tmp_path).held():
        pass


def test_mail_server_and_webhook_of_the_shell_are_left_out(tmp_path: Path) -> None:
    given = Settings(
        smtp="smtp://real.example",
        notify="https://real.example",
        database="sqlite:///mine.db",
        failpoint=None,
    )

    settings = demo_settings(given, DemoFolder(tmp_path))

    assert (settings.smtp, settings.notify, settings.database) == (None, None, "sqlite:///mine.db")
    assert (settings.prefix, settings.group) == ("demo.", "leads-demo")


def test_a_child_gets_the_demos_settings_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_SMTP", "smtp://real.example")
    settings = demo_settings(Settings(), DemoFolder(tmp_path))

    environment = child_environment(settings, {"LEADS_HEALTH": "8080"})

    assert "LEADS_SMTP" not in environment
    assert (environment["LEADS_PREFIX"], environment["LEADS_HEALTH"]) == ("demo.", "8080")


def test_a_shell_reads_the_environment_back_and_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    folder.write_environment({"LEADS_DATABASE": "it's; a $secret"})
    command = f'. {folder.environment}; printf %s "$LEADS_DATABASE"'

    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout

    assert printed == "it's; a $secret"
    assert folder.environment.stat().st_mode & 0o777 == 0o600


def test_lines_of_a_journal_are_counted(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("{}\n{}\n{half")

    assert (count_lines(tmp_path / "journal"), count_lines(tmp_path / "absent")) == (2, 0)
