"""Facts about the machine, so that figures of two machines are not mixed up."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.processes import REPOSITORY

_PACKAGES = ("faust-streaming", "aiokafka", "pydantic", "orjson", "sqlalchemy", "confluent-kafka")


def facts(kafka_version: str) -> dict[str, object]:
    """Machine, versions and revision, as plain values."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kafka": kafka_version,
        "packages": {name: version(name) for name in _PACKAGES},
        "revision": _revision(),
        "load_before": os.getloadavg()[0],
    }


def others_percent() -> float:
    """How busy the cores are with other people's work, in percent: ask while nothing of ours runs."""
    return psutil.cpu_percent(interval=0.5)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _revision() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607 - git is where the user has it
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
