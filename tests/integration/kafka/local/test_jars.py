"""Test that jars arrive whole and checked or not at all, from a repository served on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streams.kafka.local import JarsUnavailableError
from streams.kafka.local.jars import Jar, get_jars

BODIES = {"first": b"one" * 70_000, "second": b"two" * 10}


def jar(artifact: str) -> Jar:
    body = BODIES[artifact]
    return Jar("org.example.jars", artifact, "1.0", len(body), hashlib.sha256(body).hexdigest())


JARS = [jar(artifact) for artifact in BODIES]


class Quiet(SimpleHTTPRequestHandler):
    """A file server that does not write to the test's output."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Write nothing."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a Maven repository to which the mirror variable points."""
    folder = tmp_path / "repository"
    for one in JARS:
        path = folder / "org/example/jars" / one.artifact / "1.0" / f"{one.artifact}-1.0.jar"
        path.parent.mkdir(parents=True)
        path.write_bytes(BODIES[one.artifact])
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("KAFKA_MAVEN_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_missing_jars_are_fetched_with_progress_and_then_kept(repository: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    total = sum(one.size for one in JARS)
    cache = tmp_path / "cache"

    paths = get_jars(lambda *step: seen.append(step), jars=JARS, cache=cache)

    assert [path.read_bytes() for path in paths] == list(BODIES.values())
    assert (seen[0], seen[-1]) == (
        ("Fetching Kafka's jars", 0, total),
        ("Fetching Kafka's jars", total, total),
    )
    again: list[tuple[str, int, int]] = []
    assert get_jars(lambda *step: again.append(step), jars=JARS, cache=cache) == paths
    assert again == []


def test_a_jar_damaged_in_the_cache_is_fetched_again(repository: Path, tmp_path: Path) -> None:
    paths = get_jars(jars=JARS, cache=tmp_path / "cache")
    paths[0].write_bytes(b"eno" * 70_000)  # of the right size

    get_jars(jars=JARS, cache=tmp_path / "cache")

    assert paths[0].read_bytes() == BODIES["first"]


@pytest.mark.parametrize("served", [b"one" * 69_999 + b"two", b"one"])
def test_a_jar_of_another_content_is_refused_and_leaves_nothing_behind(
    repository: Path, tmp_path: Path, served: bytes
) -> None:
    (repository / "org/example/jars/first/1.0/first-1.0.jar").write_bytes(served)
    cache = tmp_path / "cache"

    with pytest.raises(JarsUnavailableError) as caught:
        get_jars(jars=JARS, cache=cache)

    message = str(caught.value)
    served_sha256 = hashlib.sha256(served).hexdigest()
    for part in (
        "org.example.jars:first:1.0",
        served_sha256,
        JARS[0].sha256,
        "KAFKA_MAVEN_MIRROR",
        "LEADS_KAFKA",
    ):
        assert part in message
    assert {path.name for path in cache.iterdir()} <= {"fetch.lock", JARS[1].file_name}


def test_a_repository_without_the_jar_is_named_with_the_ways_out(repository: Path, tmp_path: Path) -> None:
    (repository / "org/example/jars/first/1.0/first-1.0.jar").unlink()

    with pytest.raises(
        JarsUnavailableError, match=r"first:1\.0 .*not found.*KAFKA_MAVEN_MIRROR.*LEADS_KAFKA"
    ):
        get_jars(jars=JARS, cache=tmp_path / "cache")


def test_an_unreachable_mirror_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_MAVEN_MIRROR", "http://reader:secret@127.0.0.1:9/maven")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with pytest.raises(JarsUnavailableError) as caught:
        get_jars(jars=JARS, cache=tmp_path / "cache")

    message = str(caught.value)
    assert "http://127.0.0.1:9/maven" in message
    assert "refused" in message
    assert "copy the folder" in message
    assert "secret" not in message
