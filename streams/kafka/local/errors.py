"""Errors of the local broker, named for what the caller should do.

LocalKafkaError
├── JarsUnavailableError   make a repository reachable, or use another broker
├── JavaNotFoundError      install a Java runtime, or use another broker
├── StartFailedError       read the log, whose tail the message shows
└── DataFolderBusyError    wait for, or end, the other broker of this data folder
"""


class LocalKafkaError(RuntimeError):
    """The local broker cannot do its task; the message has the reason and the next step."""


class JarsUnavailableError(LocalKafkaError):
    """Kafka's jars are missing and cannot be fetched, or are not the pinned ones."""


class JavaNotFoundError(LocalKafkaError):
    """This machine has no Java runtime of the required version or newer."""


class StartFailedError(LocalKafkaError):
    """Kafka was started and did not become ready; the message ends with the tail of its log."""


class DataFolderBusyError(LocalKafkaError):
    """Another broker holds this data folder, or another program holds the wanted port."""


OTHER_BROKER = "set LEADS_KAFKA to the bootstrap servers of a Kafka that runs already"
