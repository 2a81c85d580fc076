"""`leads topics`: compares the topics with the registry, makes them, lists them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from streams.interfaces.common.errors import NOT_DONE
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json, write_table

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.kafka.topics import Difference, WantedTopic

app = typer.Typer(
    help="The topics: compare them with the registry, make them, list them.", no_args_is_help=True
)


@app.command("plan")
def plan_command(as_json: AsJson = False) -> None:
    """Show what `apply` would do, and what it cannot do. Nothing is changed.

    Exit codes: 0 the topics are right or `apply` makes them right, 1 a person is needed.
    """
    differences, _ = _run(is_applied=False)
    _report(differences, as_json=as_json, done=[])


@app.command("apply")
def apply_command(as_json: AsJson = False) -> None:
    """Make topics that are missing and set configuration that differs.

    The number of partitions is never changed, because keys would move, nor is the number of replicas. Topics of
    others stay unchanged, and so does configuration that the registry does not define.
    """
    differences, done = _run(is_applied=True)
    _report([difference for difference in differences if difference not in done], as_json=as_json, done=done)


@app.command("export")
def export_command(as_json: AsJson = False) -> None:
    """Print the topics as they should be, as YAML or JSON, for use with another tool."""
    from streams.interfaces.common import connections
    from streams.kafka.topics import export

    settings = connections.settings()
    topics = export(connections.wanted(settings, connections.topics_table(settings)))
    if as_json:
        write_json({"topics": topics})
        return
    print_out("topics:")
    for topic in topics:
        print_out(_yaml_item(topic))


async def ensure(address: KafkaAddress, wanted: Sequence[WantedTopic], *, may_make: bool) -> list[Difference]:
    """Compare topics, make and set what `apply` can if `may_make`, and return what still differs.

    Raise `UnreachableError`, `TopicsError` or a Kafka error.
    """
    differences, done = await _compare(address, wanted, is_applied=may_make)
    if made := [difference.topic for difference in done if difference.what == "missing"]:
        print_err(f"Made {plural(len(made), 'topic')} that did not exist: {', '.join(made)}.")
    return [difference for difference in differences if difference not in done]


def _run(*, is_applied: bool) -> tuple[list[Difference], list[Difference]]:
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    settings = connections.settings()
    wanted = connections.wanted(settings, connections.topics_table(settings))
    with connections.kafka(settings) as address:
        return asyncio.run(_compare(address, wanted, is_applied=is_applied))


async def _compare(
    address: KafkaAddress, wanted: Sequence[WantedTopic], *, is_applied: bool
) -> tuple[list[Difference], list[Difference]]:
    from streams.interfaces.common import connections
    from streams.kafka.topics import apply, describe, plan

    async with connections.admin(address) as admin:
        existing = await describe(admin, [topic.name for topic in wanted])
        done = await apply(admin, wanted, existing) if is_applied else []
        return plan(wanted, existing), done


def _report(differences: Sequence[Difference], *, as_json: bool, done: Sequence[Difference]) -> None:
    needs_a_person = [difference for difference in differences if not difference.is_fixed_by_apply]
    if as_json:
        write_json(
            {
                "is_right": not differences,
                "differences": [_as_data(difference) for difference in differences],
                "done": [_as_data(difference) for difference in done],
            }
        )
    else:
        _print(differences, done)
    if needs_a_person:
        more = len(needs_a_person) - 1
        print_err(f"Error: {needs_a_person[0]}.{f' {more} more like it, see above.' if more else ''}")
        raise typer.Exit(NOT_DONE)


def _print(differences: Sequence[Difference], done: Sequence[Difference]) -> None:
    if done:
        write_table(("topic", "done", "setting", "was", "is"), [_cells(item, "made", "set") for item in done])
    if differences:
        columns = ("topic", "what differs", "setting", "found", "wanted")
        write_table(columns, [_cells(item, "missing", "config") for item in differences])
        if any(item.is_fixed_by_apply for item in differences):
            print_out("`leads topics apply` makes and sets what is missing or differs in configuration.")
    elif not done:
        print_out("All topics are as they should be.")


def _cells(item: Difference, missing: str, config: str) -> tuple[object, ...]:
    what = {"missing": missing, "config": config}.get(item.what, item.what)
    return (item.topic, what, item.name, item.found, item.wanted)


def _as_data(difference: Difference) -> dict[str, object]:
    return asdict(difference) | {"is_fixed_by_apply": difference.is_fixed_by_apply}


def _yaml_item(topic: Mapping[str, Any]) -> str:
    """Return one list item of YAML; texts are in double quotes, which JSON and YAML share."""
    lines = []
    for name, value in topic.items():
        if isinstance(value, Mapping):
            lines.append(f"{name}:")
            lines += [f"  {key}: {json.dumps(item)}" for key, item in value.items()]
        else:
            lines.append(f"{name}: {json.dumps(value)}")
    return "  - " + "\n    ".join(lines)
