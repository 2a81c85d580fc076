"""Test the file locks of the local broker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.kafka.local.errors import DataFolderBusyError
from streams.kafka.local.locks import FileLock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.lock"


def test_many_share_a_lock_and_one_holds_it_alone(path: Path) -> None:
    one, two, alone = FileLock(path), FileLock(path), FileLock(path)

    assert one.acquire(shared=True)
    assert two.acquire(shared=True)
    assert not alone.acquire()
    one.release()
    two.release()
    assert alone.acquire()
    assert not one.acquire(shared=True)
    alone.release()


def test_a_lock_lives_as_long_as_a_copy_of_its_descriptor(path: Path) -> None:
    parent = FileLock(path)
    parent.acquire()
    child = os.dup(parent.fd)
    parent.release()

    assert not FileLock(path).is_free()
    os.close(child)
    assert FileLock(path).is_free()


def test_a_lock_that_is_not_held_has_no_descriptor(path: Path) -> None:
    lock = FileLock(path)

    assert not lock.is_held
    with pytest.raises(ValueError, match="is not locked; acquire it first"):
        _ = lock.fd


def test_a_block_that_cannot_have_the_lock_in_time_is_refused_with_the_next_step(path: Path) -> None:
    other = FileLock(path)
    other.acquire()
    with pytest.raises(DataFolderBusyError, match="wait for it or end it"), FileLock(path).exclusively(0):
        pass
    other.release()

    with FileLock(path).exclusively(0):
        assert not other.is_free()
    assert other.is_free()
