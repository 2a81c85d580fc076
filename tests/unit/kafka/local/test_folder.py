"""Test the local broker's files and locks without starting a broker."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from streams.kafka.local import DataFolderBusyError, LocalKafkaError
from streams.kafka.local.folder import SETTINGS, Folder, choose_port, new_cluster_id, write_settings
from streams.kafka.local.jars import locked_jars
from streams.kafka.local.locks import FileLock
from streams.kafka.local.state import ProcessId, State


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    broker_folder = Folder.of(tmp_path)
    broker_folder.make()
    return broker_folder


def test_the_settings_name_the_port_and_create_no_topics(folder: Folder) -> None:
    write_settings(folder, 20_000)

    lines = (folder.path / "server.properties").read_text().splitlines()
    written = dict(line.split("=", 1) for line in lines)
    assert written.keys() == SETTINGS.keys()
    assert written["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20000"
    assert written["controller.quorum.voters"] == "1@127.0.0.1:20001"
    assert written["auto.create.topics.enable"] == "false"


def test_the_lock_pins_every_jar_by_size_and_hash_and_names_no_host() -> None:
    jars = locked_jars()

    assert len({one.file_name for one in jars}) == len(jars) == 46
    assert {len(one.sha256) for one in jars} == {64}
    assert min(one.size for one in jars) > 1_000
    assert "org.apache.kafka:kafka_2.13:4.3.1" in {str(one) for one in jars}
    assert "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4" in {str(one) for one in jars}


def test_a_cluster_id_never_looks_like_an_option() -> None:
    ids = [new_cluster_id() for _ in range(2_000)]  # 1 in 64 would

    assert {len(one) for one in ids} == {22}
    assert not [one for one in ids if one.startswith("-")]


def test_the_port_of_last_time_is_used_again(folder: Folder) -> None:
    first = choose_port(folder, None)

    assert choose_port(folder, None) == first


def test_a_port_that_another_program_took_meanwhile_is_given_up(folder: Folder) -> None:
    first = choose_port(folder, None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 1))  # the controller's counts too
        other.listen()

        assert choose_port(folder, None) != first


def test_a_wanted_port_that_is_taken_is_refused_by_name(folder: Folder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(DataFolderBusyError, match=f"port {port} .*name another port"):
            choose_port(folder, port)


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(LocalKafkaError, match="Not a directory; point LEADS_DATA"):
        Folder.of(tmp_path / "file").make()


def test_a_reused_process_id_is_not_the_process_that_had_it() -> None:
    me = ProcessId.of(os.getpid())

    assert me.process() is not None
    assert ProcessId(me.pid, me.created - 60).process() is None


def test_a_state_file_cut_short_is_no_state(folder: Folder) -> None:
    me = ProcessId.of(os.getpid())
    state = State(20_000, me, me, is_ready=True)
    state.write(folder)
    assert State.read(folder) == state

    folder.state.write_text(folder.state.read_text()[:40])

    assert State.read(folder) is None


def test_users_share_a_lock_that_its_ender_holds_alone(tmp_path: Path) -> None:
    one, two, ender = (FileLock(tmp_path / "users.lock") for _ in range(3))

    assert one.acquire(shared=True)
    assert two.acquire(shared=True)
    assert not ender.acquire()
    one.release()
    two.release()
    assert ender.acquire()
    assert not one.acquire(shared=True)
