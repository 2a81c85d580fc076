"""`leads dead-letters plan` and `check`: preview replays without running them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.clock import now
from streams.dead_letters.plan import PlanWriter, Stale, Totals
from streams.dead_letters.prediction import FAILING
from streams.dead_letters.selection import Selection, select
from streams.interfaces.cli import logs
from streams.interfaces.cli.selecting import Every, LetterIds, chosen_ids, selects
from streams.interfaces.common import connections
from streams.interfaces.common.errors import NOT_DONE
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json, write_table
from streams.interfaces.common.progress import reporting
from topics.envelope import timestamp

if TYPE_CHECKING:
    from streams.dead_letters.preview import Preview

OnStale = Annotated[
    Stale | None,
    typer.Option("--stale", help="Run or skip events that are too old for their action."),
]
VERDICTS = {
    "would-resolve": "would be done",
    "noop": "were done in the meantime",
    "would-fail-again": "would fail again",
    "would-fail": "would fail",
    "unreadable": "cannot be read",
    "tampered": "were altered since they failed",
    "unknown-action": "failed in an action that this build does not have",
    "gone": "are no longer kept",
    "cannot-say": "only a real run can tell",
}
CALLS = {"goes-out": "goes out", "goes-out-again": "goes out again", "held": "not repeated: went out already"}


@selects()
def plan_command(
    selection: Selection,
    letter_ids: LetterIds = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write the plan to, for `apply`.")
    ] = None,
    stale: OnStale = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Preview the replay of dead letters: this build's code runs on the current store and writes nothing.

    The plan freezes the letters; `apply` replays exactly these and skips what has changed since. --json: the totals.

    Exit codes: 0, also when some would fail again; 2 wrong use.
    """
    logs.silence()
    settings = connections.settings()
    with connections.database(settings) as database:
        ids = chosen_ids(database, selection, letter_ids, is_all=all_)
        if not ids:
            print_err("There is no such dead letter: nothing to plan.")
            return
        totals = _plan(connections.preview(settings, database), ids, out, stale, selection.as_options())
    _print(totals, as_json=as_json)
    if out is not None:
        print_err(f"The plan is in {out}; `leads dead-letters apply {out} --reason TEXT` carries it out.")


def _plan(
    preview: Preview, ids: Sequence[str], out: Path | None, stale: Stale | None, selector: str
) -> Totals:
    from streams.engine.failures import app_version

    # Written under another name first, so that an interrupted plan is never taken for a whole one.
    draft = Path(os.devnull) if out is None else out.with_name(out.name + ".part")
    with draft.open("wb") as file, reporting("letter") as report:
        writer = PlanWriter(
            file, made=timestamp(now()), app_version=app_version(), selector=selector, stale=stale
        )
        for number, (row, prediction) in enumerate(preview.of(ids, stale=stale), 1):
            writer.add(row, prediction)
            report("previews", number, len(ids))
        writer.end()
    if out is not None:
        draft.replace(out)
    return writer.totals


@selects(status="parked")
def check_command(selection: Selection, as_json: AsJson = False) -> None:
    """Check this build against parked letters: how many would pass now, and why the others would not.

    For CI before a deploy: run it with the database (or a copy) and the leads.toml of production.

    Exit codes: 0 all would pass (also when there is none), 1 some would fail again.
    """
    from streams.engine.failures import app_version

    logs.silence()
    settings = connections.settings()
    condition = selection.condition(now())
    totals = Totals()
    with connections.database(settings) as database, reporting("letter") as report:
        ids = database.transact(partial(select, condition=condition))
        for number, (_, prediction) in enumerate(connections.preview(settings, database).of(ids), 1):
            totals.add(prediction, None)
            report("previews", number, len(ids))
    if not as_json:
        print_out(f"Build {app_version()} against {plural(len(ids), 'parked letter')}:")
    _print(totals, as_json=as_json)
    if sum(totals.verdicts[verdict] for verdict in FAILING):
        raise typer.Exit(NOT_DONE)


def _print(totals: Totals, *, as_json: bool) -> None:
    if as_json:
        write_json(totals.as_data())
        return
    rows = [(f"{many:,}", VERDICTS[verdict]) for verdict, many in totals.verdicts.most_common()]
    write_table(("#letters", ""), rows)
    tables: tuple[tuple[str, Sequence[tuple[object, int]], Callable[[Any], str]], ...] = (
        ("fails again", totals.failing.most_common(), lambda key: f"{key[0]}: {key[1]}"),
        ("skipped by apply, unless --force", totals.skipped.most_common(), str),
        ("follows", totals.following.most_common(), lambda key: " ".join(filter(None, key))),
        ("contact field changes", totals.fields.most_common(), str),
        ("new owner", totals.owners.most_common(), str),
        ("call", totals.calls.most_common(), lambda key: f"{key[0]} {CALLS[key[1]]}"),
    )
    for title, counted, words in tables:
        if counted:
            write_table((title, "#letters"), [(words(key), f"{many:,}") for key, many in counted])
