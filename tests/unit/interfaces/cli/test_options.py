"""Options of commands and parameters of requests are those of one model each."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest
from typer.main import get_command

from streams.dead_letters.job_limits import JobOptions
from streams.dead_letters.selection import STATUSES, Selection
from streams.interfaces.cli.letter_jobs import read_job_options
from streams.interfaces.cli.letters import app
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.http.app import create_app
from streams.interfaces.http.app_state import AppState

SELECTING = (
    "list", "groups", "stats", "tail", "plan", "check", "replay", "export", "edit", "repair", "schedule",
    "discard", "restore", "unschedule", "keep", "erase",
)  # fmt: skip
API = create_app(cast("AppState", None)).openapi()
"""Described without being asked anything."""


def options_of(command: str) -> dict[str, Any]:
    """The options of `leads dead-letters COMMAND`, by name."""
    found: Any = get_command(app)
    return {option: each for each in found.commands[command].params for option in each.opts}


def parameters_of(method: str, path: str) -> set[str]:
    return {each["name"] for each in API["paths"][path][method]["parameters"]}


@pytest.mark.parametrize("command", SELECTING)
def test_every_command_about_several_letters_selects_them_by_every_field(command: str) -> None:
    options = options_of(command)

    for name, field in Selection.model_fields.items():
        option = options["--" + name.rstrip("_").replace("_", "-")]
        assert option.help == field.description
    (kind,) = get_args(options["--status"].type_descriptor.annotation)
    assert list(kind) == list(STATUSES)


@pytest.mark.parametrize("path", ["/v1/dead-letters", "/v1/dead-letters/groups", "/v1/dead-letters/stats"])
def test_requests_select_letters_by_the_same_fields(path: str) -> None:
    fields = {field.alias or name for name, field in Selection.model_fields.items()}

    assert parameters_of("get", path) - {"limit"} == fields
    assert API["components"]["schemas"]["Selection"]["properties"].keys() == fields


def test_a_job_has_the_same_options_for_commands_and_requests() -> None:
    fields = {field.alias or name for name, field in JobOptions.model_fields.items()}
    options = options_of("apply")

    assert parameters_of("post", "/v1/dead-letter-jobs") == fields | {"reason"}
    assert {"--" + name.replace("_", "-") for name in fields} <= options.keys()
    typed = {each.name: each.default for each in options.values() if each.name in JobOptions.model_fields}
    assert read_job_options(typed) == JobOptions()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"rate": 0.0}, "--rate 0 is no number of letters a second up to 1,000,000; write 100"),
        ({"rate": float("nan")}, "--rate nan is no number of letters a second"),
        ({"canary": "1,,2"}, "--canary '1,,2' is no list of sizes; write 1,10,100, or none"),
        ({"canary": "0"}, "--canary '0' is no list of sizes"),
        ({"stop_if_fail": "101%"}, "--stop-if-fail '101%' is no percentage; write 5%"),
        ({"stop_if_fail": "nan"}, "--stop-if-fail 'nan' is no percentage"),
        ({"yield_to_lag": "-1"}, "--yield-to-lag '-1' is no number of records; write 1000, or none"),
    ],
)
def test_an_option_of_a_job_that_cannot_be_used_is_named_with_the_next_step(
    typed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(WrongUseError) as refused:
        read_job_options(typed)

    assert str(refused.value).startswith(sentence)


def test_none_turns_the_canary_and_yielding_off_and_a_percentage_may_have_its_sign() -> None:
    options = read_job_options({"canary": "none", "yield_to_lag": "none", "stop_if_fail": "2.5%"})

    assert options == JobOptions(canary=(), yield_to_lag=None, stop_if_fail=2.5)
