"""Run a real single-node Apache Kafka on this machine, without Docker: the default broker.

Programs and tests have two entry points:

* ``ensure_kafka(data, progress)`` returns a broker for this data folder, started if none runs, shared if one does.
* ``LocalKafka(data)`` is the same as an object that one can stop, kill and restart; it is also a context manager.

A broker lives as long as any process holds it or, after ``keep``, until ``stop``. It also ends when all its holders are
killed with SIGKILL.
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
