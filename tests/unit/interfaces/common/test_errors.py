"""Every expected error has an exit code and a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from aiokafka.errors import KafkaConnectionError

from streams.errors import SettingsError
from streams.interfaces.common.errors import CommandError, UnreachableError, WrongUseError, ending_of
from streams.kafka.local import JarsUnavailableError, StartFailedError
from streams.kafka.producer import PublishError
from streams.kafka.topics import TopicsError
from streams.store.engine import Database, StoreError, StoreRefusedError, StoreUnavailableError
from streams.workflow import PortError, WorkflowError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("x"), 1),
        (TopicsError("x"), 1),
        (StartFailedError("x"), 1),
        (StoreRefusedError("x"), 1),
        (WrongUseError("x"), 2),
        (SettingsError("x"), 2),
        (PortError("x"), 2),
        (WorkflowError("x"), 2),
        (PermissionError(13, "Permission denied", "/x"), 2),
        (UnreachableError("x"), 3),
        (JarsUnavailableError("x"), 3),
        (StoreUnavailableError("x"), 3),
        (PublishError("x"), 3),
        (KafkaConnectionError("x"), 3),
    ],
)
def test_an_expected_error_has_its_exit_code_and_its_sentence(error: Exception, code: int) -> None:
    ending = ending_of(error)

    assert ending is not None
    assert ending.code == code
    assert "x" in ending.sentence


def test_a_defect_keeps_its_traceback() -> None:
    assert ending_of(ZeroDivisionError("x")) is None


def test_the_parameters_of_a_statement_are_not_reported(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    statement = sa.text("INSERT INTO absent VALUES (:v)").bindparams(v="ada@example.com")

    with pytest.raises(StoreError) as raised:
        database.transact(lambda connection: connection.execute(statement))
    database.close()

    ending = ending_of(raised.value)
    assert ending is not None
    assert "ada" not in ending.sentence
    assert "no such table" in ending.sentence
