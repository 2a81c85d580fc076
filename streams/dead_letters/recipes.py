"""This file reads recipes: repairs of dead letters that have a name and a version, kept in leads.toml."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.dead_letters.patching import Patch, PatchError


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
        """Give what it does. Raises `PatchError`."""
        return Patch(f"recipe {self.name} v{self.version}", list(self.patch), self.encoding)
