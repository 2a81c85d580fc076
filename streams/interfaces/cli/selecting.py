"""This file is how a command is told which dead letters it is about: the same options everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import WrongUseError

if TYPE_CHECKING:
    from streams.dead_letters.selection import Selector

_PANEL = "Which letters (all that is given must hold)"


class Status(StrEnum):
    """What `--status` takes."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    PARKED = "parked"
    REPLAYING = "replaying"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    ERASED = "erased"
    ALL = "all"


def _option(text: str, *names: str, metavar: str = "TEXT") -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(*names, help=text, metavar=metavar, rich_help_panel=_PANEL)
    return found


Texts = list[str] | None
Statuses = Annotated[
    list[Status] | None,
    typer.Option(
        "--status",
        help="May be given several times; `open` is scheduled, parked and replaying.",
        show_default="open",
        rich_help_panel=_PANEL,
    ),
]
Ids = Annotated[Texts, _option("A letter's id, or its first six characters or more.", "--id", metavar="ID")]
Groups = Annotated[Texts, _option("Failures of one cause; `groups` lists them.", "--group", metavar="GROUP")]
Actions = Annotated[Texts, _option("The action that failed.", "--action", metavar="ACTION")]
Classes = Annotated[Texts, _option("poison, transient, defect, …", "--class", metavar="CLASS")]
Codes = Annotated[Texts, _option("The reason: SMTP_REFUSED, …", "--code", metavar="CODE")]
Leads = Annotated[Texts, _option("The lead's id.", "--lead", metavar="LEAD")]
Keys = Annotated[Texts, _option("The record's key.", "--key", metavar="KEY")]
Since = Annotated[
    str | None,
    _option("First failed then or later: a moment, or how long ago (3d).", "--since", metavar="WHEN"),
]
Until = Annotated[str | None, _option("First failed before that.", "--until", metavar="WHEN")]
Generations = Annotated[
    str | None, _option("How often a replay has failed: 0, or 1-3.", "--generation", metavar="N[-M]")
]


AppVersions = Annotated[Texts, _option("The build that failed.", "--app-version", metavar="VERSION")]
Where = Annotated[
    str | None,
    _option("E.g. `code = NOT_JSON and first_seen < -3d`.", "--where", metavar="EXPRESSION"),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of a command said; an option that was not given is None."""

    id: Texts
    status: list[Status]
    group: Texts
    action: Texts
    class_: Texts
    code: Texts
    lead: Texts
    key: Texts
    since: str | None
    until: str | None
    generation: str | None
    app_version: Texts
    where: str | None

    def words(self) -> str:
        """Give the options as they were typed, for the head of a plan."""
        given = {each.name.rstrip("_"): getattr(self, each.name) for each in fields(self)}
        return " ".join(
            f"--{name} {text}"
            for name, value in given.items()
            if value is not None
            for text in ([value] if isinstance(value, str) else value)
        )

    def selector(self) -> Selector:
        """Give the letters that are meant. Raises `WrongUseError`."""
        from streams.clock import now
        from streams.dead_letters.selection import SelectorError, read_selector

        given = {each.name: getattr(self, each.name) for each in fields(self)}
        try:
            return read_selector(now(), **given | {"status": [each.value for each in self.status]})
        except SelectorError as error:
            raise WrongUseError(str(error)) from None


def _options(  # noqa: PLR0913 - one per option
    *,
    id: Ids = None,  # noqa: A002 - the option's name
    status: Statuses = None,
    group: Groups = None,
    action: Actions = None,
    class_: Classes = None,
    code: Codes = None,
    lead: Leads = None,
    key: Keys = None,
    since: Since = None,
    until: Until = None,
    generation: Generations = None,
    app_version: AppVersions = None,
    where: Where = None,
) -> None:
    """Declare the options: Typer reads this signature."""


def selects(*, status: Status = Status.OPEN) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, whose first parameter is `wanted`, the options by which letters are named."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        mine = inspect.signature(_options, eval_str=True).parameters
        own = [
            each
            for each in inspect.signature(command, eval_str=True).parameters.values()
            if each.name != "wanted"
        ]

        def run(**given: Any) -> None:  # noqa: ANN401 - what Typer parsed
            words = {name: given.pop(name) for name in mine}
            # Who names a letter means it, whatever has become of it.
            words["status"] = words["status"] or [Status.ALL if words["id"] else status]
            command(Wanted(**words), **given)

        parameters = [*mine.values(), *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__, run.__name__ = command.__doc__, command.__name__
        return run

    return decorate
