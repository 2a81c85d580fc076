"""The topics; names, retention, sizes and key rules are written here once and derived everywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from topics.envelope import MAX_AHEAD
from topics.events import EVENTS, ContactSuppressed, Event, LeadReceived

KIB = 1024
MIB = 1024 * KIB

DEFAULT_PREFIX = "crm."
DEFAULT_PARTITIONS = 12
"""Every topic that a worker joins has the same count: one key, one partition number, everywhere."""

REQUESTS = "actions.requests.v1"
LETTERS = "leads.dead-letters.v1"
AUDIT = "leads.audit.v1"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as it should be on the cluster."""

    name: str
    """Without the prefix."""
    event: type[Event] | None
    """The one type of fact it carries; None for audit, and for requests and dead letters: records of any topic."""
    key: str
    """The key of its records, in words."""
    retention: timedelta
    max_message_bytes: int
    is_replayed: bool = True
    """Whether workers act on it, or it can be replayed: the store remembers longer than those are kept.

    Suppressions merge in any order and however often, so that acting on one again changes nothing.
    """

    def config(self) -> dict[str, str]:
        """Topic configuration as Kafka takes it."""
        config = {
            "cleanup.policy": "delete",
            "compression.type": "producer",
            "max.message.bytes": str(self.max_message_bytes),
            "retention.ms": str(int(self.retention.total_seconds() * 1000)),
        }
        if self.event is not None and self.event.is_public:
            # A record's timestamp judges the times that its publisher claims, so the broker refuses one in the future.
            config["message.timestamp.after.max.ms"] = str(int(MAX_AHEAD.total_seconds() * 1000))
        return config


_WEEK = timedelta(days=7)
_LETTER_RETENTION = timedelta(days=28)
_AUDIT_RETENTION = timedelta(days=400)


def _of(event: type[Event]) -> TopicSpec:
    is_lead = event is LeadReceived
    return TopicSpec(
        name=event.topic,
        event=event,
        key="any; lead id by convention"
        if is_lead
        else "any"
        if event.is_public
        else event.key_field.replace("_", " "),
        # A lost store learns suppressions from their topic again: it is kept as long as the audit.
        retention=_AUDIT_RETENTION if event is ContactSuppressed else _WEEK,
        # Public records are small on purpose: every accepted record must fit into its dead letter.
        max_message_bytes=512 * KIB if event.is_public else MIB,
        is_replayed=event is not ContactSuppressed,
    )


TOPICS: tuple[TopicSpec, ...] = (
    *(_of(event) for event in EVENTS),
    TopicSpec(REQUESTS, None, "original key", _WEEK, 2 * MIB),
    TopicSpec(LETTERS, None, "original key", _LETTER_RETENTION, 2 * MIB),
    TopicSpec(AUDIT, None, "letter id, or job id", _AUDIT_RETENTION, MIB, is_replayed=False),
)
BY_NAME = {spec.name: spec for spec in TOPICS}

LONGEST_RETENTION = max(spec.retention for spec in TOPICS if spec.is_replayed)
"""How far back any topic can be read or replayed: the ledger must remember longer than this."""


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Full topic names under one prefix."""

    prefix: str = DEFAULT_PREFIX

    def of(self, event: type[Event]) -> str:
        """Full name of the topic that carries this fact."""
        return self.prefix + event.topic

    def full(self, name: str) -> str:
        """Full name of a topic of the registry, by its short name."""
        return self.prefix + BY_NAME[name].name

    def spec(self, full_name: str) -> TopicSpec:
        """Specification of a full name. Raises KeyError when the registry has none such."""
        if not full_name.startswith(self.prefix):
            raise KeyError(full_name)
        return BY_NAME[full_name.removeprefix(self.prefix)]

    @property
    def requests(self) -> str:
        """Requests for one action: replays and due retries."""
        return self.full(REQUESTS)

    @property
    def letters(self) -> str:
        """Where records that failed are kept."""
        return self.full(LETTERS)

    @property
    def audit(self) -> str:
        """Who did what to dead letters, and why."""
        return self.full(AUDIT)
