"""leads.sample.toml and the pages about commands and settings are complete."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_group

from streams.interfaces.cli.lazy import LAZY
from streams.interfaces.cli.main import app
from streams.interfaces.common.errors import DONE, INTERRUPTED, NOT_DONE, UNREACHABLE, WRONG_USE
from streams.settings import Config, Settings, load_config
from tests.support.commands import REPOSITORY


def missing(text: str, words: Iterable[str]) -> list[str]:
    """Return the words that are not in the text."""
    return [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return every key of leads.toml, those of the tables included."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += keys_of(field.annotation)
    return keys


def uncommented(sample: str) -> str:
    """Return the sample with its defaults as if they were set."""
    return re.sub(r"^# (?=\w+ = |\[\[)", "", sample, flags=re.MULTILINE)


@pytest.fixture
def sample() -> str:
    return (REPOSITORY / "leads.sample.toml").read_text()


def page(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text()


def test_the_sample_is_a_leads_toml_that_a_worker_takes(tmp_path: Path, sample: str) -> None:
    path = tmp_path / "leads.toml"
    path.write_text(sample)

    assert len(load_config(path).owners) == 2


def test_the_sample_holds_every_key_and_its_true_default(tmp_path: Path, sample: str) -> None:
    whole = uncommented(sample)
    (tmp_path / "short.toml").write_text(sample)
    # These have no default that could be written down: a folder, an address, the environment's, the workflow's.
    written = re.sub(
        r"^(templates|unsubscribe|replication_factor|delays|give_up_after) = .*$",
        "",
        whole,
        flags=re.MULTILINE,
    )
    (tmp_path / "whole.toml").write_text(written)

    assert missing(whole, keys_of(Config)) == []
    assert tomllib.loads(whole)["retry"]["delays"]
    found = load_config(tmp_path / "whole.toml")
    assert [recipe.name for recipe in found.recipes] == ["first-email"]
    assert [key.role for key in found.api_keys] == ["operator"]
    assert found.model_copy(update={"recipes": (), "api_keys": ()}) == load_config(tmp_path / "short.toml")


def test_a_key_that_the_sample_left_out_would_be_seen(sample: str) -> None:
    assert missing(sample.replace("default_region", "region"), keys_of(Config)) == ["default_region"]


def test_every_variable_is_described() -> None:
    variables = [f"LEADS_{name.upper()}" for name in Settings.model_fields]

    assert missing(page("settings.md"), variables) == []
    assert missing(page("settings.md").replace("LEADS_GROUP", ""), variables) == ["LEADS_GROUP"]


def test_every_command_and_exit_code_is_described() -> None:
    commands = [f"leads {name}" for name in get_group(app).commands]
    codes = [f"| {code} |" for code in (DONE, NOT_DONE, WRONG_USE, UNREACHABLE, INTERRUPTED)]
    text = page("commands.md")

    assert set(LAZY) < {name.removeprefix("leads ") for name in commands}
    assert missing(text, commands) == []
    assert [code for code in codes if code not in text] == []
