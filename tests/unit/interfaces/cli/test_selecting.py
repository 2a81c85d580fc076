"""Options of commands and parameters of requests are those of one model each."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest
from typer.main import get_command

from streams.dead_letters.job_limits import JobOptions
from streams.dead_letters.selection import STATUSES, Selection
from streams.interfaces.cli.letter_jobs import read_job_options
from streams.interfaces.cli.letters import app
from streams.interfaces.http.app import create_app
from streams.interfaces.http.app_state import AppState

SELECTING = (
    "list", "groups", "stats", "tail", "plan", "check", "replay", "export", "edit", "repair", "schedule",
    "discard", "restore", "unschedule", "keep", "erase",
)  # fmt: skip
API = create_app(cast("AppState", None)).openapi()
"""OpenAPI description, which needs no state."""


def options_of(command: str) -> dict[str, Any]:
    """Return the options of `leads dead-letters COMMAND`, by name."""
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
