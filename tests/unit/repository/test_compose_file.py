"""docker-compose.yml follows the Compose specification and our settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from streams.interfaces.cli.main import app
from streams.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]
DATA = Path(__file__).parents[2] / "data"
PINNED = re.compile(r"[\w./-]+:v?\d+(\.\d+)+(-[\w.-]+)?(@sha256:[0-9a-f]{64})?")
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")

Compose = dict[str, Any]


@pytest.fixture
def compose() -> Compose:
    """The parsed file, free to be broken."""
    parsed: Compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def schema_errors(compose: Compose) -> list[str]:
    """What the Compose specification objects to, as `path: message`."""
    schema = json.loads((DATA / "compose-spec.json").read_text())
    found = jsonschema.Draft7Validator(schema).iter_errors(compose)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def settings_of(compose: Compose, service: str) -> dict[str, str]:
    """The LEADS_* variables that a service sets."""
    environment: dict[str, str] = compose["services"][service].get("environment", {})
    return {name: value for name, value in environment.items() if name.startswith("LEADS_")}


def unknown_settings(compose: Compose) -> set[str]:
    """LEADS_* variables, set or taken from the shell, that no setting of ours reads."""
    known = {f"LEADS_{field.upper()}" for field in Settings.model_fields}
    mentioned = {name for service in compose["services"] for name in settings_of(compose, service)}
    taken = {found["name"] for found in VARIABLE.finditer(json.dumps(compose))}
    return {name for name in mentioned | taken if name.startswith("LEADS_")} - known


def unpinned_images(compose: Compose) -> list[str]:
    """Images whose tag is missing, moving (`latest`, `18`) or no version."""
    images = [service["image"] for service in compose["services"].values() if "image" in service]
    return [image for image in images if not PINNED.fullmatch(image)]


def open_ports(compose: Compose) -> list[str]:
    """Published ports that other machines could reach."""
    ports = [str(port) for service in compose["services"].values() for port in service.get("ports", [])]
    return [port for port in ports if not port.startswith("127.0.0.1:")]


def refused_commands(compose: Compose) -> list[str]:
    """Commands of our image, health checks included, that the `leads` command does not know."""
    ours = [service for service in compose["services"].values() if "build" in service]
    commands = [service["command"] for service in ours]
    commands += [service["healthcheck"]["test"][2:] for service in ours if "healthcheck" in service]
    runner = CliRunner()
    return [" ".join(command) for command in commands if runner.invoke(app, [*command, "--help"]).exit_code]


def with_defaults(value: str) -> str:
    """A value as Compose would fill it in on a machine where no variable is set."""
    return VARIABLE.sub(lambda found: found["default"] or "", value)


def test_it_follows_the_compose_specification(compose: Compose) -> None:
    assert schema_errors(compose) == []


def test_it_sets_only_variables_that_are_settings(compose: Compose) -> None:
    assert settings_of(compose, "worker").keys() >= {"LEADS_KAFKA", "LEADS_DATABASE", "LEADS_SMTP"}
    assert unknown_settings(compose) == set()


def test_its_images_and_the_base_image_are_pinned(compose: Compose) -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert unpinned_images(compose) == []
    assert bases
    assert [base for base in bases if not PINNED.fullmatch(base)] == []


def test_its_ports_are_bound_to_this_machine(compose: Compose) -> None:
    assert open_ports(compose) == []


def test_the_commands_it_runs_exist(compose: Compose) -> None:
    assert compose["services"]["worker"]["healthcheck"]["test"][:2] == ["CMD", "leads"]
    assert refused_commands(compose) == []


def test_the_files_it_mounts_exist(compose: Compose) -> None:
    files = [with_defaults(config["file"]) for config in compose["configs"].values()]

    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_settings_accept_the_values_it_sets(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"LEADS_{field.upper()}", raising=False)
    for name, value in settings_of(compose, "worker").items():
        monkeypatch.setenv(name, with_defaults(value))

    settings = load_settings()

    assert settings.kafka == "kafka:9092"
    assert settings.environment == "development"
    assert settings.database == "postgresql+psycopg://leads:leads@postgres:5432/leads"
    assert settings.contact_secret


def test_the_worker_waits_for_the_topics_and_cannot_write_its_image(compose: Compose) -> None:
    worker = compose["services"]["worker"]

    assert worker["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
    assert (worker["read_only"], worker["cap_drop"]) == (True, ["ALL"])


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("services", "worker", "helthcheck"), {"test": "true"}, "services.worker: 'helthcheck'"),
        (("services", "kafka", "healthcheck", "intervall"), "3s", "services.kafka.healthcheck: "),
        (("services", "kafka", "restart"), 5, "services.kafka.restart: 5"),
        (("servces",), {}, ": 'servces'"),
    ],
)
def test_a_misspelt_key_is_found(
    compose: Compose, path: tuple[str, ...], value: object, complaint: str
) -> None:
    place = compose
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    assert complaint in "\n".join(schema_errors(compose))


def test_a_misspelt_variable_is_found(compose: Compose) -> None:
    compose["services"]["worker"]["environment"] |= {
        "LEADS_DATABSE": "x",
        "LEADS_SECRET": "${LEADS_SECRT:-x}",
    }

    assert unknown_settings(compose) == {"LEADS_DATABSE", "LEADS_SECRT"}


def test_a_misspelt_command_is_found(compose: Compose) -> None:
    compose["services"]["topics"]["command"] = ["topic", "apply"]
    compose["services"]["worker"]["healthcheck"]["test"] = ["CMD", "leads", "statsu"]

    assert refused_commands(compose) == ["topic apply", "statsu"]


@pytest.mark.parametrize("image", ["postgres", "postgres:latest", "postgres:18", "apache/kafka:edge"])
def test_a_moving_image_tag_is_found(compose: Compose, image: str) -> None:
    compose["services"]["postgres"]["image"] = image

    assert unpinned_images(compose) == [image]


def test_a_port_open_to_the_network_is_found(compose: Compose) -> None:
    compose["services"]["postgres"]["ports"] = ["5432:5432"]

    assert open_ports(compose) == ["5432:5432"]
