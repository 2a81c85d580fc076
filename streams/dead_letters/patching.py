"""The record of a dead letter is changed by a patch, which has a name and a hash and can be repeated.

A recipe is a patch that leads.toml keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from topics.limits import MAX_VALUE

IDENTITY = ("id", "source")
"""Attributes of a structured CloudEvent by which an action knows what it has done."""


class PatchError(ValueError):
    """The patch is none, or does not fit a record; the message is a sentence without the record's values."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of a record's value: JSON Patch (RFC 6902), after reading it in another encoding, or another value."""

    name: str
    """What people call it: `edit`, or `recipe strip-country v2`."""
    operations: Sequence[Mapping[str, Any]] = ()
    encoding: str | None = None
    """The text's encoding, when it is not the UTF-8 that it should be."""
    value: bytes | None = field(default=None, repr=False)
    """Put in the place of the whole value."""
    is_undone: bool = False
    """Puts the value back as it failed first."""

    def __post_init__(self) -> None:
        """Check the form. Raise `PatchError` naming the operation."""
        if not (self.operations or self.encoding or self.value is not None or self.is_undone):
            raise PatchError(f"{self.name} changes nothing; give --set, --unset, --patch or --value")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise PatchError(
                f"{self.name}: there is no encoding {self.encoding!r}; windows-1252 is a common one"
            )
        for number, operation in enumerate(self.operations, 1):
            slip = _slip(operation)
            if slip is not None:
                raise PatchError(
                    f"{self.name}: operation {number} is no JSON Patch operation ({slip}); "
                    'write {"op": "remove", "path": "/country"}'
                )

    @property
    def sha256(self) -> str:
        """Hex digest of what it does."""
        value = None if self.value is None else hashlib.sha256(self.value).hexdigest()
        effects = [list(self.operations), self.encoding, value, self.is_undone]
        # Not orjson: it refuses what repairs may have to put in or take out, as numbers beyond 64 bits.
        return hashlib.sha256(json.dumps(effects, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def touches(self) -> list[str]:
        """What it does, without values: `remove /country`."""
        touches = [f"{each.get('op')} {each.get('path')}" for each in self.operations]
        touches += [f"read as {self.encoding}"] if self.encoding else []
        touches += ["another value"] if self.value is not None else []
        return touches + (["the original value"] if self.is_undone else [])

    def apply(self, value: bytes | None, original: bytes | None) -> bytes | None:
        """Return the changed value. Raise `PatchError` saying what does not fit."""
        if self.is_undone:
            return original
        if self.value is not None:
            _check_identity(_parsed_or_none(value), _parsed_or_none(self.value))
            return _fitting(self.value, value)
        if value is None:
            raise PatchError("the record is a tombstone: it has no value to change; --value gives it one")
        text = _read(value, self.encoding or "utf-8")
        if not self.operations:
            after = _encoded(text)
            _check_identity(_parsed_or_none(value), _parsed_or_none(after))
            return _fitting(after, value)
        before = _parse(text)
        try:
            document = jsonpatch.apply_patch(before, [dict(each) for each in self.operations])
            after = _write(document)
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, RecursionError) as error:
            # Their messages quote values.
            raise PatchError(
                f"{' then '.join(self.touches)} does not fit the record ({type(error).__name__})"
            ) from None
        _check_identity(before, document)
        return _fitting(after, value)


class RecipeTable(BaseModel):
    """`[[recipes]]`: one repair. Who changes what it does raises its version: audit and letters name both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    version: int = Field(ge=1)
    why: str | None = None
    patch: tuple[dict[str, Any], ...] = ()
    """JSON Patch (RFC 6902) on the record's value."""
    encoding: str | None = None
    """Read the record in this encoding instead of UTF-8."""

    @model_validator(mode="after")
    def _is_a_patch(self) -> RecipeTable:
        if not self.patch and not self.encoding:
            msg = f"{self.name} has neither patch nor encoding; see leads.sample.toml"
            raise ValueError(msg)
        try:
            self.as_patch()
        except PatchError as error:
            raise ValueError(str(error)) from None
        return self

    def as_patch(self) -> Patch:
        """Return what it does. Raise `PatchError`."""
        return Patch(f"recipe {self.name} v{self.version}", list(self.patch), self.encoding)


def settings_as_operations(given: Sequence[str], taken: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Read `email=a@b.example` and `attributes.size=5` into operations; `taken` are fields to remove.

    A value is JSON if it is, else text. Raises `PatchError`.
    """
    operations: list[dict[str, Any]] = []
    for text in given:
        name, equals, raw = text.partition("=")
        if not equals or not name:
            raise PatchError(f"--set {text!r} is no change; write --set email=ada@example.com")
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = raw
        operations.append({"op": "add", "path": _pointer(name), "value": value})
    operations += [{"op": "remove", "path": _pointer(name)} for name in taken]
    return operations


def _is_encoding(name: str) -> bool:
    try:
        b"{}".decode(name)  # of no bytes at all Python does not look the name up
    except UnicodeDecodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def _slip(operation: object) -> str | None:
    """Return why this is no operation; None: it is one."""
    if not isinstance(operation, Mapping):
        return f"it is a JSON {type(operation).__name__} and must be an object"
    try:
        jsonpatch.JsonPatch([dict(operation)])
        json.dumps(operation, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it holds half a character, a lone surrogate"
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, AttributeError) as error:
        return str(error)
    except RecursionError:
        return "it nests too deep"
    needed = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}
    lacks = needed.get(operation["op"])
    return None if lacks is None or lacks in operation else f"{operation['op']} needs {lacks!r}"


def _pointer(name: str) -> str:
    if name.startswith("/"):
        return name
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in name.split("."))


def _read(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise PatchError(
            f"the record is not {encoding}{place}; --encoding windows-1252 reads it otherwise"
        ) from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PatchError(
            f"read so, the record has half a character at {error.start}: it is in another encoding"
        ) from None


def _fitting(after: bytes, before: bytes | None) -> bytes:
    # What was too large already may become smaller in steps; nothing else becomes so large that readers refuse it, or
    # that no topic takes it.
    if len(after) > max(MAX_VALUE, len(before or b"")):
        raise PatchError(f"the patch makes the value {len(after)} bytes large; it may have {MAX_VALUE}")
    return after


def _parse(text: str) -> Any:  # noqa: ANN401 - JSON
    # More than a lead may hold: NaN, control characters and large numbers are what repairs take out.
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise PatchError(f"the record is no JSON{place}; --value gives it another value as a whole") from None


def _parsed_or_none(value: bytes | None) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(value or b"null", strict=False)
    except (ValueError, RecursionError):
        return None


def _write(document: object) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def _check_identity(before: object, after: object) -> None:
    # As headers in binary mode the identity cannot be reached at all.
    if not isinstance(before, dict) or "specversion" not in before:
        return
    for name in IDENTITY:
        if not isinstance(after, dict) or after.get(name) != before.get(name):
            raise PatchError(
                f"the patch changes the event's {name}: by it actions know what they have done, so it must stay"
            )
