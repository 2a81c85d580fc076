"""Patches of the record of a dead letter: named, hashed and repeatable.

A recipe is a patch that leads.toml holds.
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
"""Attributes of a structured CloudEvent that identify it to the ledger."""


class PatchError(ValueError):
    """A patch is invalid or does not fit a record; the message is a sentence without the record's values."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of a record's value: another encoding and then a JSON Patch (RFC 6902), or another value."""

    name: str
    """Name for people: `edit`, or `recipe strip-country v2`."""
    operations: Sequence[Mapping[str, Any]] = ()
    encoding: str | None = None
    """Encoding to read the value in, instead of UTF-8."""
    value: bytes | None = field(default=None, repr=False)
    """Replaces the whole value."""
    restores_original: bool = False
    """Whether it restores the value that failed first."""

    def __post_init__(self) -> None:
        """Check the form. Raise `PatchError`, which names the operation."""
        if not (self.operations or self.encoding or self.value is not None or self.restores_original):
            raise PatchError(f"{self.name} changes nothing; give --set, --unset, --patch or --value")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise PatchError(
                f"{self.name}: there is no encoding {self.encoding!r}; windows-1252 is a common one"
            )
        for number, operation in enumerate(self.operations, 1):
            form_error = _form_error(operation)
            if form_error is not None:
                raise PatchError(
                    f"{self.name}: operation {number} is not a JSON Patch operation ({form_error}); "
                    'write {"op": "remove", "path": "/country"}'
                )

    @property
    def sha256(self) -> str:
        """Hex digest of its operations, encoding and value."""
        value = None if self.value is None else hashlib.sha256(self.value).hexdigest()
        effects = [list(self.operations), self.encoding, value, self.restores_original]
        # Not orjson: it refuses values that a repair may need to write or remove, such as numbers beyond 64 bits.
        return hashlib.sha256(json.dumps(effects, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def touches(self) -> list[str]:
        """Its changes without values: `remove /country`."""
        touches = [f"{each.get('op')} {each.get('path')}" for each in self.operations]
        touches += [f"read as {self.encoding}"] if self.encoding else []
        touches += ["another value"] if self.value is not None else []
        return touches + (["the original value"] if self.restores_original else [])

    def apply(self, value: bytes | None, original: bytes | None) -> bytes | None:
        """Return the changed value. Raise `PatchError`, which names what does not fit."""
        if self.restores_original:
            return original
        if self.value is not None:
            _check_identity(_parsed_or_none(value), _parsed_or_none(self.value))
            return _checked_size(self.value, value)
        if value is None:
            raise PatchError("the record is a tombstone without a value to change; --value gives it one")
        text = _read(value, self.encoding or "utf-8")
        if not self.operations:
            after = _encoded(text)
            _check_identity(_parsed_or_none(value), _parsed_or_none(after))
            return _checked_size(after, value)
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
        return _checked_size(after, value)


class RecipeTable(BaseModel):
    """`[[recipes]]`: one repair. Raise its version when you change it: audit and letters name both."""

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
        """Return the recipe as a patch. Raise `PatchError`."""
        return Patch(f"recipe {self.name} v{self.version}", list(self.patch), self.encoding)


def settings_as_operations(assignments: Sequence[str], removed: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return operations for `email=a@b.example`, `attributes.size=5` and the names of removed fields.

    A value that is not JSON is text. Raise `PatchError`.
    """
    operations: list[dict[str, Any]] = []
    for text in assignments:
        name, equals, raw = text.partition("=")
        if not equals or not name:
            raise PatchError(f"--set {text!r} is not a change; write --set email=ada@example.com")
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = raw
        operations.append({"op": "add", "path": _pointer(name), "value": value})
    operations += [{"op": "remove", "path": _pointer(name)} for name in removed]
    return operations


def _is_encoding(name: str) -> bool:
    try:
        b"{}".decode(name)  # for empty bytes Python does not look the name up
    except UnicodeDecodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def _form_error(operation: object) -> str | None:
    """Return why this is not a JSON Patch operation; None: it is one."""
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
        return "it is nested too deeply"
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
            f"the record is not {encoding}{place}; name its encoding, such as --encoding windows-1252"
        ) from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PatchError(
            f"in this encoding the record has half a character at {error.start}: it is in another one"
        ) from None


def _checked_size(after: bytes, before: bytes | None) -> bytes:
    # Readers and topics refuse larger values. A value that is too large already may become smaller in steps.
    if len(after) > max(MAX_VALUE, len(before or b"")):
        raise PatchError(f"the patch makes the value {len(after)} bytes large; it may have {MAX_VALUE}")
    return after


def _parse(text: str) -> Any:  # noqa: ANN401 - JSON
    # More lenient than the lead reader: repairs remove NaN, control characters and large numbers.
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise PatchError(f"the record is not valid JSON{place}; --value replaces the whole value") from None


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
    # In binary mode the identity is in the headers, which no patch reaches.
    if not isinstance(before, dict) or "specversion" not in before:
        return
    for name in IDENTITY:
        if not isinstance(after, dict) or after.get(name) != before.get(name):
            raise PatchError(
                f"the patch changes the event's {name}, by which the ledger knows what is done; it must stay"
            )
