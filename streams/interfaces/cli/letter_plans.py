"""This file is `leads dead-letters plan` and `check`: what replays would do, without doing it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from streams.clock import now
from streams.dead_letters.selection import Selection, select
from streams.interfaces.cli.selecting import Every, LetterIds, chosen_ids, selects
from streams.interfaces.common.errors import NOT_DONE
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json, write_table
from streams.interfaces.common.progress import telling

if TYPE_CHECKING:
    from streams.dead_letters.plan import PlanWriter
    from streams.dead_letters.preview import Preview
    from streams.dead_letters.totals import Totals
    from streams.settings import Settings
    from streams.store.engine import Database

Stale = Annotated[
    Literal["run", "skip"] | None,
    typer.Option("--stale", help="What to do about events that are too old for their action: run, or skip."),
]
WORDS = {
    "would-resolve": "would be done",
    "noop": "were done meanwhile",
    "would-fail-again": "would fail again",
    "would-fail": "would fail",
    "unreadable": "cannot be read",
    "tampered": "are not as they failed",
    "unknown-action": "are of an action that this build has not",
    "gone": "are not kept any more",
    "cannot-say": "only a real run can tell",
}
CALLS = {"goes-out": "goes out", "goes-out-again": "goes out again", "held": "held: went out already"}


@contextmanager
def previewing(settings: Settings, database: Database) -> Iterator[Preview]:
    """Give a preview with the ports of leads.toml. Raises `SettingsError`."""
    from streams.dead_letters.preview import Preview
    from streams.onboarding import ONBOARDING
    from streams.settings import load_config
    from streams.wiring import adapters, configured
    from topics.registry import TopicNames

    config = load_config(settings.config)
    # Nothing is to be closed: a preview connects to nobody outside.
    yield Preview(
        configured(ONBOARDING, config),
        adapters(settings, config),
        database=database,
        names=TopicNames(settings.prefix),
        group=settings.group,
        clock=now,
    )


@selects()
def plan_command(
    selection: Selection,
    letter_ids: LetterIds = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan there, for `apply`.")
    ] = None,
    stale: Stale = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Say what the replay of dead letters would do now: today's code runs on the store as it is, and writes nothing.

    The plan freezes the letters; `apply` does exactly it, and leaves out what has changed since. --json: the totals.

    Exit codes: 0, also when some would fail again; 2 wrong use.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    settings = connections.settings()
    with connections.database(settings) as database:
        ids = chosen_ids(database, selection, letter_ids, is_all=all_)
        if not ids:
            print_err("There is no such dead letter: nothing to plan.")
            return
        totals = _plan(settings, database, ids, out, stale, selector=selection.as_options())
    _print(totals, as_json=as_json)
    if out is not None:
        print_err(f"The plan is in {out}; `leads dead-letters apply {out} --reason TEXT` carries it out.")


def _plan(
    settings: Settings,
    database: Database,
    ids: Sequence[str],
    out: Path | None,
    stale: Literal["run", "skip"] | None,
    *,
    selector: str,
) -> Totals:
    from streams.dead_letters.plan import PlanWriter
    from streams.engine.failures import app_version
    from topics.envelope import timestamp

    head: dict[str, Any] = {
        "made": timestamp(now()),
        "app_version": app_version(),
        "selector": selector,
        "stale": stale,
    }
    if out is None:
        with Path(os.devnull).open("wb") as nowhere:
            return _fill(PlanWriter(nowhere, **head), settings, database, ids, stale)
    # Under another name first: a plan that was cut off is none.
    draft = out.with_name(out.name + ".part")
    with draft.open("wb") as file:
        totals = _fill(PlanWriter(file, **head), settings, database, ids, stale)
    draft.replace(out)
    return totals


def _fill(
    writer: PlanWriter,
    settings: Settings,
    database: Database,
    ids: Sequence[str],
    stale: Literal["run", "skip"] | None,
) -> Totals:
    with previewing(settings, database) as preview, telling("letter") as tell:
        for number_, (row, found) in enumerate(preview.of(ids, stale=stale), 1):
            writer.add(row, found)
            tell("previews", number_, len(ids))
    writer.end()
    return writer.totals


@selects(status="parked")
def check_command(selection: Selection, as_json: AsJson = False) -> None:
    """Check this build against parked letters: how many would pass now, and why the others would not.

    For CI before a deploy: give it the database (a copy will do) and the leads.toml of production.

    Exit codes: 0 all would pass, also when there is none; 1 some would fail again.
    """
    from streams.dead_letters.prediction import FAILING
    from streams.dead_letters.totals import Totals
    from streams.engine.failures import app_version
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    settings = connections.settings()
    condition = selection.condition(now())
    totals = Totals()
    with connections.database(settings) as database:
        ids = database.transact(partial(select, condition=condition))
        with previewing(settings, database) as preview, telling("letter") as tell:
            for number_, (_, found) in enumerate(preview.of(ids), 1):
                totals.add(found, None)
                tell("previews", number_, len(ids))
    if not as_json:
        print_out(f"Build {app_version()} against {plural(len(ids), 'parked letter')}:")
    _print(totals, as_json=as_json)
    if sum(totals.verdicts[verdict] for verdict in FAILING):
        raise typer.Exit(NOT_DONE)


def _print(totals: Totals, *, as_json: bool) -> None:
    if as_json:
        write_json(totals.as_data())
        return
    rows: list[tuple[str, str]] = [
        (f"{many:,}", WORDS[verdict]) for verdict, many in totals.verdicts.most_common()
    ]
    write_table(("#letters", ""), rows)
    tables: tuple[tuple[str, Sequence[tuple[object, int]], Callable[[Any], str]], ...] = (
        ("fails again", totals.failing.most_common(), lambda key: f"{key[0]}: {key[1]}"),
        ("left out by apply, unless --force", totals.refused.most_common(), str),
        ("follows", totals.following.most_common(), lambda key: " ".join(filter(None, key))),
        ("contact field changes", totals.fields.most_common(), str),
        ("new owner", totals.owners.most_common(), str),
        ("call", totals.calls.most_common(), lambda key: f"{key[0]} {CALLS[key[1]]}"),
    )
    for title, counted, words in tables:
        if counted:
            write_table((title, "#letters"), [(words(key), f"{many:,}") for key, many in counted])
