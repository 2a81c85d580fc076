"""Fetch exactly the jars of kafka-jars.lock, check their hashes, and keep them in the user's cache folder."""

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import platformdirs

from streams.kafka.local.errors import OTHER_BROKER, JarsUnavailableError
from streams.kafka.local.locks import FileLock
from streams.kafka.local.progress import StartProgress, silent

MIRROR_VARIABLE = "KAFKA_MAVEN_MIRROR"
PARALLEL = 6
ATTEMPTS = 2
TIMEOUT_SECONDS = 15  # to connect, and between two chunks of a download
OTHER_FETCH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock file: Maven coordinates, size in bytes, SHA-256 as hex."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """Return the name in the cache, whose hash keeps the jars of two lock files apart."""
        return f"{self.sha256[:16]}-{self.artifact}-{self.version}.jar"


class _StoppedError(Exception):
    """Another jar failed first, so this download stops."""


def locked_jars() -> list[Jar]:
    """Return the jars of this package's lock file, in the order of the class path."""
    lines = files(__package__).joinpath("kafka-jars.lock").read_text("utf-8").splitlines()
    fields = (line.split(":") for line in lines)
    return [
        Jar(group, artifact, version, int(size), sha256) for group, artifact, version, size, sha256 in fields
    ]


def cache_folder() -> Path:
    """Return the folder of the jars, shared by all data folders of this user."""
    return platformdirs.user_cache_path("leads") / "kafka-jars"


def get_jars(
    progress: StartProgress = silent, *, jars: list[Jar] | None = None, cache: Path | None = None
) -> list[Path]:
    """Return the paths of all jars; fetch missing and broken ones, or raise JarsUnavailableError.

    A file appears in the cache whole and checked, or not at all. Two processes do not fetch the same jar.
    """
    jars = locked_jars() if jars is None else jars
    cache = cache_folder() if cache is None else cache
    missing = _missing(jars, cache)
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        progress("Fetching Kafka's jars", 0, sum(jar.size for jar in missing))
        with FileLock(cache / "fetch.lock").exclusively(OTHER_FETCH_SECONDS):
            missing = _missing(jars, cache)
            if missing:
                _Download(missing, cache, progress).run()
    return [cache / jar.file_name for jar in jars]


def _missing(jars: list[Jar], cache: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_good(cache / jar.file_name, jar)]


def _is_good(path: Path, jar: Jar) -> bool:
    try:
        if path.stat().st_size != jar.size:
            return False
    except FileNotFoundError:
        return False
    return _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _innermost(error: BaseException) -> BaseException:
    """Return the root cause: `Connection refused` rather than three layers of pools around it."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


class _Download:
    """One download of the missing jars, by the Maven client ``jgo``.

    jgo only warns about a wrong checksum, and takes the rest of an interrupted download for a whole jar. So it fetches
    each jar into a throw-away folder, and a jar reaches the cache only when its hash agrees with the lock file.
    """

    def __init__(self, jars: list[Jar], cache: Path, progress: StartProgress) -> None:
        from jgo import constants  # noqa: PLC0415  # takes 0.2 s, needed only for a download

        self._jars = jars
        self._cache = cache
        self._repository = (os.environ.get(MIRROR_VARIABLE) or constants.MAVEN_CENTRAL_URL).rstrip("/")
        self._progress = progress
        self._total = sum(jar.size for jar in jars)
        self._done = 0
        self._lock = threading.Lock()
        self._failed = threading.Event()

    def run(self) -> None:
        with (
            tempfile.TemporaryDirectory(dir=self._cache, prefix=".fetch-") as folder,
            ThreadPoolExecutor(PARALLEL) as pool,
        ):
            futures = [pool.submit(self._fetch, jar, Path(folder)) for jar in self._jars]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            finally:  # also on Ctrl-C: the threads notice it at their next chunk
                self._failed.set()
                pool.shutdown(cancel_futures=True)
        errors = [
            error for future in done if (error := future.exception()) and not isinstance(error, _StoppedError)
        ]
        if errors:
            raise errors[0]

    def _fetch(self, jar: Jar, folder: Path) -> None:
        problem = ""
        for attempt in range(1, ATTEMPTS + 1):
            got: list[int] = []
            attempt_folder = folder / f"{jar.artifact}-{attempt}"
            try:
                path = self._resolve(jar, attempt_folder, got)
                problem = self._problem(path, jar)
                if not problem:
                    path.replace(self._cache / jar.file_name)
                    return
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's RuntimeErrors
                problem = self._without_secrets(str(_innermost(error)))
            self._count(-sum(got))
            if self._failed.wait(0.5):
                break
        raise JarsUnavailableError(self._explain(jar, problem))

    def _resolve(self, jar: Jar, folder: Path, got: list[int]) -> Path:
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415  # see __init__

        @contextmanager
        def measured(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            def chunk(size: int) -> None:
                if self._failed.is_set():
                    raise _StoppedError
                got.append(size)
                self._count(size)

            yield chunk

        progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]] = measured
        context = MavenContext(
            resolver=PythonResolver(progress_callback=progress),
            repo_cache=folder,
            local_repos=[],
            remote_repos={"repository": self._repository},
            timeout=TIMEOUT_SECONDS,
        )
        if self._failed.is_set():
            raise _StoppedError
        return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()

    @staticmethod
    def _problem(path: Path, jar: Jar) -> str:
        actual = _sha256(path)
        if actual == jar.sha256:
            return ""
        size = path.stat().st_size
        return f"its SHA-256 is {actual} ({size} bytes), the lock file has {jar.sha256} ({jar.size} bytes)"

    def _count(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._progress("Fetching Kafka's jars", self._done, self._total)

    def _without_secrets(self, text: str) -> str:
        return re.sub(r"//[^/@\s]*@", "//", text)

    def _explain(self, jar: Jar, problem: str) -> str:
        return (
            f"Kafka's jar {jar} could not be fetched from {self._without_secrets(self._repository)}: {problem}. "
            f"Set {MIRROR_VARIABLE} to a Maven repository that this machine reaches, or copy the folder {self._cache} "
            f"from a machine that has it, or {OTHER_BROKER}"
        )
