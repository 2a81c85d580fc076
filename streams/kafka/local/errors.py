"""Errors of the local broker, named for what the caller should do.

LocalKafkaError
├── JarsUnavailableError   make a repository reachable, or use another broker
├── JavaNotFoundError      install a Java runtime, or use another broker
├── StartFailedError       read the log, whose tail the message shows
└── DataFolderBusyError    wait for, or end, the other broker of this data folder
"""


class LocalKafkaError(RuntimeError):
    """The local broker cannot do what was asked; the message says why and what to do next."""


class JarsUnavailableError(LocalKafkaError):
    """Kafka's jars are not here and cannot be fetched, or are not the pinned ones."""


class JavaNotFoundError(LocalKafkaError):
    """No Java runtime of at least the needed version is on this machine."""


class StartFailedError(LocalKafkaError):
    """Kafka was started and did not become ready; the message ends with the tail of its log."""


class DataFolderBusyError(LocalKafkaError):
    """Another broker holds this data folder, or another program the wanted port."""


OTHER_BROKER = "set LEADS_KAFKA to the bootstrap servers of a Kafka that runs already"
