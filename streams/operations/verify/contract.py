"""The rules that verify judges by: the workflow as plain values, and the public contract written a second time.

The workflow's topics and actions come from outside (`Contract`), so that verify covers any workflow. Derived ids,
header names and the meaning of the store's statuses are written here again on purpose: a build that leaves the
contract is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal
from uuid import UUID

NAMESPACE = UUID("6f1f6f0e-5c0b-5d53-9d0c-0f4ac9f5b0a7")
LETTER = "__dlq.errors."
"""Prefix of a dead letter's own headers."""
EFFECT_KEY, EFFECT_REFERENCE = "ce_effect", "ce_effectref"
"""Headers of a result whose execution made a call: the effect's key, and the call's reference at the other side."""

RECEIVED = "leads.received.v1"
"""The topic that other services publish leads to; every lead's run starts there."""
REQUESTS = "actions.requests.v1"
LETTERS = "leads.dead-letters.v1"

# Topics of the rules about contacts; in a workflow without them these rules judge nothing.
REJECTED = "leads.rejected.v1"
MATCHED = "leads.matched.v1"
UPSERTED = "contacts.upserted.v1"
ASSIGNED = "leads.assigned.v1"

DONE, FAILED = 1, 2
"""`ledger.status`."""
INTENT, RELEASED, CALLED = 1, 2, 3
"""`effects.status`."""
OPEN = ("scheduled", "parked", "replaying")
"""`letters.status` of a lead that waits for a retry or a person."""
GONE = ("expired", "erased")
"""`letters.status` of a letter whose record the index does not keep any more."""

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Effect:
    """The call that an action makes outside."""

    name: str
    """The part before the colon in the keys of its effects."""
    scope: Literal["contact", "run"]
    """Whether it happens once per contact, ever, or once per run."""
    reference_field: str | None
    """The result's member that holds the call's reference, if any does; else a header has it."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the workflow."""

    name: str
    """As the outside calls it: `verb-noun`."""
    version: int
    reads: str
    """Topic, without the prefix."""
    emits: tuple[str, ...]
    """Topics on which its result may be."""
    effect: Effect | None = None

    @property
    def source(self) -> str:
        """`ce_source` of its results."""
        return f"/leads/{self.name}"


@dataclass(frozen=True, slots=True)
class Event:
    """The results on a topic."""

    type: str
    """Its `ce_type`."""
    key_field: str
    """The member that is its record's key."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which a run can be over."""

    results: frozenset[tuple[str, str]]
    """Action and topic of the results that nothing follows."""
    is_rejection: bool


@dataclass(frozen=True)
class Contract:
    """One workflow as plain values; topics are without the prefix. Everything is numbered in its order."""

    workflow: str
    actions: tuple[Action, ...]
    events: Mapping[str, Event]
    """By topic of results."""

    @cached_property
    def results(self) -> tuple[str, ...]:
        """Topics that the actions state results on."""
        return tuple(dict.fromkeys(topic for action in self.actions for topic in action.emits))

    @cached_property
    def consumed(self) -> tuple[str, ...]:
        """Topics that the consumer group reads."""
        return (*dict.fromkeys(action.reads for action in self.actions), REQUESTS, LETTERS)

    @cached_property
    def public(self) -> tuple[str, ...]:
        """Topics that other services publish to: those that the actions read and none states results on."""
        return tuple(
            dict.fromkeys((RECEIVED, *(a.reads for a in self.actions if a.reads not in self.results)))
        )

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """All topics that are judged."""
        return tuple(dict.fromkeys((RECEIVED, *self.results, *self.consumed)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every action, in the order of the workflow."""
        return tuple(action.name for action in self.actions)

    @cached_property
    def effects(self) -> Mapping[str, Effect]:
        """Effects by name."""
        return {each.effect.name: each.effect for each in self.actions if each.effect is not None}

    def is_of_contact(self, effect: str | None) -> bool:
        """Return whether the effect of this name happens once per contact, ever."""
        return effect is not None and effect in self.effects and self.effects[effect].scope == "contact"

    @cached_property
    def endings(self) -> tuple[Ending, ...]:
        """The ways in which a run can be over: rejections first, for they are known by less."""
        every = (
            Ending(frozenset(ends), is_rejection=REJECTED in passed)
            for ends, passed in self._endings(RECEIVED, frozenset())
        )
        return tuple(sorted(dict.fromkeys(every), key=lambda ending: not ending.is_rejection))

    def reading(self, topic: str) -> tuple[int, ...]:
        """Return the actions that read a topic."""
        return self._reading.get(topic, ())

    def emitting(self, topic: str) -> tuple[int, ...]:
        """Return the actions whose results may be on a topic."""
        return tuple(number for number, action in enumerate(self.actions) if topic in action.emits)

    @cached_property
    def _reading(self) -> Mapping[str, tuple[int, ...]]:
        return {
            topic: tuple(number for number, action in enumerate(self.actions) if action.reads == topic)
            for topic in dict.fromkeys(action.reads for action in self.actions)
        }

    def _endings(
        self, topic: str, passed: frozenset[str]
    ) -> list[tuple[set[tuple[str, str]], frozenset[str]]]:
        """Return the last results that can follow from a record of a topic, and the topics on the way to them."""
        passed |= {topic}
        branches = []
        for number in self.reading(topic):
            action = self.actions[number]
            ways: list[tuple[set[tuple[str, str]], frozenset[str]]] = []
            for emitted in action.emits:
                is_last = emitted in passed or not self.reading(emitted)
                ways += (
                    [({(action.name, emitted)}, passed | {emitted})]
                    if is_last
                    else self._endings(emitted, passed)
                )
            branches.append(ways)
        return [
            (set().union(*(ends for ends, _ in chosen)), frozenset().union(*(way for _, way in chosen)))
            for chosen in product(*branches)
        ]


def derive(*parts: object) -> str:
    """Return the UUIDv5 of the parts as compact JSON: how every id of ours comes about."""
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + text.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


def mail_id(reference: str) -> str | None:
    """Return the part before the `@` of a Message-ID, `<…@…>`; None for any other reference."""
    local, at, _ = reference[1:-1].rpartition("@")
    return local if at and reference.startswith("<") and reference.endswith(">") else None


def hook_id(reference: str) -> str | None:
    """Return the part after `msg_` of a webhook-id; None for any other reference."""
    return reference.removeprefix("msg_") if reference.startswith("msg_") else None


def mail_id_of(effect_key: str) -> str:
    """Return the `mail_id` of the mail that an effect sends."""
    return derive("mail", effect_key)


def hook_id_of(effect_key: str) -> str:
    """Return the `hook_id` of the webhook call that an effect makes."""
    return derive("webhook", effect_key)


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key by Kafka's default partitioner, from its Java source. Most keys come often."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    found = (0x9747B28C ^ len(key)) & mask
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        mixed = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        mixed = (mixed ^ mixed >> 24) * multiplier & mask
        found = (found * multiplier & mask) ^ mixed
    if rest := key[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * multiplier & mask
    found = (found ^ found >> 13) * multiplier & mask
    return ((found ^ found >> 15) & 0x7FFFFFFF) % partitions
