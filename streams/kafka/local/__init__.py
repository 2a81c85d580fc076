"""Run a real single-node Apache Kafka on this machine, without Docker: the default broker.

For programs and tests there are two entry points:

* ``ensure_kafka(data, progress)``: a broker for this data folder, started if none runs, shared if one does.
* ``LocalKafka(data)``: the same as an object one can stop, kill and restart; also a context manager.

A broker lives as long as any process holds it (also against SIGKILL of all of them) or, after ``keep``, until ``stop``.
"""

from streams.kafka.local.broker import LocalKafka, RunningKafka, ensure_kafka
from streams.kafka.local.control import KafkaStatus, keep, status, stop
from streams.kafka.local.errors import (
    DataFolderBusyError,
    JarsUnavailableError,
    JavaNotFoundError,
    LocalKafkaError,
    StartFailedError,
)
from streams.kafka.local.progress import StartProgress

__all__ = [
    "DataFolderBusyError",
    "JarsUnavailableError",
    "JavaNotFoundError",
    "KafkaStatus",
    "LocalKafka",
    "LocalKafkaError",
    "RunningKafka",
    "StartFailedError",
    "StartProgress",
    "ensure_kafka",
    "keep",
    "status",
    "stop",
]
