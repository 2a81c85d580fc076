"""Makes options of the fields of a model; those of `Selection` select dead letters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from annotated_types import Ge, Le
from pydantic import BaseModel

from streams.clock import now
from streams.dead_letters.selection import ID_START, SHORTEST_ID, STATUSES, Selection, option_name, select
from streams.interfaces.common.errors import CommandError, WrongUseError

if TYPE_CHECKING:
    from streams.store.engine import Database

Command = Callable[..., None]
LetterIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Ids, or their first six characters or more.")
]
Every = Annotated[
    bool, typer.Option("--all", help="Every letter of the status, without any other selection.")
]


def options_of(
    model: type[BaseModel],
    placeholders: Mapping[str, str],
    *,
    words: Mapping[str, Sequence[str]] | None = None,
    texts: Mapping[str, Callable[[Any], str]] | None = None,
    panel: str | None = None,
) -> list[inspect.Parameter]:
    """Return the fields of a model as parameters for Typer.

    `placeholders` stand for values in `--help`. `words` are all values that a list may hold, the default first.
    `texts` are fields that are typed as text, each with a function that writes its default.
    """
    words, texts = words or {}, texts or {}
    parameters = []
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        default, settings = field.default, {"metavar": placeholders.get(name), **_bounds(field.metadata)}
        if name in words:
            kind = list[StrEnum(name, {word.upper(): word for word in words[name]})] | None  # type: ignore[misc]
            default, settings = None, {"show_default": words[name][0]}
        elif name in texts:
            kind, default, settings = str, texts[name](default), {"metavar": placeholders.get(name)}
        elif kind == list[str]:
            kind, default = list[str] | None, None
            settings["metavar"] = placeholders.get(name, name.rstrip("_").upper())
        option = typer.Option(
            f"--{option_name(field.alias or name)}", help=field.description, rich_help_panel=panel, **settings
        )
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
            )
        )
    return parameters


def _bounds(metadata: Sequence[object]) -> dict[str, Any]:
    least = [bound.ge for bound in metadata if isinstance(bound, Ge)]
    most = [bound.le for bound in metadata if isinstance(bound, Le)]
    return {"min": least[0], "max": most[0]} if least and most else {}


def with_options(
    name: str, options: Sequence[inspect.Parameter], read: Callable[[dict[str, Any]], object]
) -> Callable[[Command], Command]:
    """Return a decorator that replaces the parameter `name` by options; `read` makes its value from them."""

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters
        parameters = [
            option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for own_name, parameter in own.items()
            for option in (options if own_name == name else [parameter])
        ]

        def run(**parsed: Any) -> None:  # noqa: ANN401 - what Typer parsed
            typed = {option.name: parsed.pop(option.name) for option in options}
            command(**parsed, **{name: read(typed)})

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__, run.__name__ = command.__doc__, command.__name__
        return run

    return decorate


_SELECTION = options_of(
    Selection,
    {
        "since": "WHEN",
        "until": "WHEN",
        "generation": "N[-M]",
        "app_version": "VERSION",
        "where": "EXPRESSION",
    },
    words={"status": STATUSES},
    panel="Which letters (all conditions must hold)",
)


def selects(*, status: str = "open") -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options of its parameter `selection`."""

    def read(typed: dict[str, Any]) -> Selection:
        fields = {name: value for name, value in typed.items() if value is not None}
        return Selection(**fields | {"status": [str(each) for each in fields.get("status", ())]}).or_status(
            status
        )

    return with_options("selection", _SELECTION, read)


def chosen_ids(
    database: Database, selection: Selection, letter_ids: Sequence[str] | None, *, is_all: bool
) -> list[str]:
    """Return the ids of letters: by id, by selection, or all. Raise `WrongUseError` when none or two are used."""
    condition = selection.condition(now())
    if letter_ids:
        if not selection.is_everything or is_all:
            raise WrongUseError("name letters by id, or select them by options, not both")
        return whole_ids(database, letter_ids)
    if selection.is_everything and not is_all:
        raise WrongUseError("no letters are selected; name ids, a selection (--group, --code, …), or --all")
    return database.transact(partial(select, condition=condition))


def whole_ids(database: Database, starts: Sequence[str]) -> list[str]:
    """Return the ids that begin with these texts. Raise `CommandError` when one names no letter, or several."""
    from streams.store.queries import letter_ids_like

    ids: list[str] = []
    for text in starts:
        prefix = text.strip().lower()
        if ID_START.fullmatch(prefix) is None:
            raise WrongUseError(
                f"{text!r} is not an id of a letter, nor its first {SHORTEST_ID} characters or more"
            )
        matching = database.transact(partial(letter_ids_like, prefix=prefix))
        if not matching:
            raise CommandError(
                f"there is no dead letter {text}; `leads dead-letters list --status all` shows all"
            )
        if len(matching) > 1:
            raise CommandError(
                f"several letters begin with {text}: {', '.join(matching)}; write more of the id"
            )
        ids.append(matching[0])
    return list(dict.fromkeys(ids))
