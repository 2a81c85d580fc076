"""Define the layout of the broker's data folder: file names, Kafka's settings, the remembered port."""

import base64
import json
import os
import random
import secrets
import socket
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from streams.kafka.local.errors import DataFolderBusyError, LocalKafkaError
from streams.kafka.local.locks import FileLock

PORTS = range(
    20_000, 32_000, 2
)  # below every usual ephemeral range, so that no outgoing connection takes a remembered port
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listeners": "PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:{port}",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": "1@127.0.0.1:{controller_port}",
    "log.dirs": "data",  # relative to the folder: Kafka reads this file as Latin-1 and splits the value at commas
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",  # the default costs 3 s per new group
    "broker.heartbeat.interval.ms": "300",  # with the next setting, ready 2 s after kill -9 instead of 11 s
    "broker.session.timeout.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "4194304",  # the default is 128 MB
    "log.index.size.max.bytes": "1048576",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """``<data>/kafka``: all files of the broker of one data folder."""

    path: Path

    @classmethod
    def of(cls, data: Path) -> "Folder":
        """Return the broker's folder inside the data folder; do not create it."""
        return cls(Path(data).expanduser().absolute() / "kafka")

    def make(self) -> None:
        """Create it if absent, closed to other users; raise LocalKafkaError when that is impossible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.path / "users.lock").touch()
        except OSError as error:
            message = (
                f"{self.path} cannot be written: {error.strerror}; point LEADS_DATA to a folder that can"
            )
            raise LocalKafkaError(message) from error

    @property
    def log(self) -> Path:
        """Return the path of the log of Kafka (warnings and worse) and the supervisor (start, ready, stop)."""
        return self.path / "kafka.log"

    @property
    def state(self) -> Path:
        """Return the path of the state of the running broker, which the supervisor writes."""
        return self.path / "state.json"

    @property
    def keep(self) -> Path:
        """Return the path of the file that exists while the broker is to outlive its users."""
        return self.path / "keep"

    @property
    def launch(self) -> Path:
        """Return the path of the command lines for the supervisor."""
        return self.path / "launch.json"

    @property
    def is_formatted(self) -> bool:
        """Whether Kafka's storage was prepared."""
        return (self.path / "data" / "meta.properties").exists()

    def users_lock(self) -> FileLock:
        """Return the lock that users of the broker share, and that a process ending it holds exclusively."""
        return FileLock(self.path / "users.lock")

    def start_lock(self) -> FileLock:
        """Return the lock held while a broker is being started, or stopped from outside."""
        return FileLock(self.path / "start.lock")

    def broker_lock(self) -> FileLock:
        """Return the lock of supervisor *and* Java: it outlives either, as a second Java on live storage damages it."""
        return FileLock(self.path / "broker.lock")


@dataclass(frozen=True, slots=True)
class Launch:
    """The supervisor's task in the broker's folder: argument lists, and the port to listen on."""

    port: int
    format: list[str]
    run: list[str]
    ends_with_supervisor: bool = True

    def write(self, folder: Folder) -> None:
        """Write it to the folder, for the supervisor."""
        text = json.dumps(
            {
                "port": self.port,
                "format": self.format,
                "run": self.run,
                "ends_with_supervisor": self.ends_with_supervisor,
            },
            indent=1,
        )
        folder.launch.write_text(text, "utf-8")

    @classmethod
    def read(cls, folder: Folder) -> "Launch":
        """Read what ``write`` wrote."""
        return cls(**json.loads(folder.launch.read_text("utf-8")))


def new_cluster_id() -> str:
    """Return 16 random bytes in Kafka's notation, without a leading ``-``, which the tool would take for an option."""
    while True:
        text = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


def write_settings(folder: Folder, port: int) -> None:
    """Write server.properties and the log settings into the folder; each start overwrites both."""
    lines = [
        f"{key}={value.format(port=port, controller_port=port + 1)}\n" for key, value in SETTINGS.items()
    ]
    (folder.path / "server.properties").write_text("".join(lines), "ascii")
    log_settings = files(__package__).joinpath("log4j2.properties").read_text("ascii")
    (folder.path / "log4j2.properties").write_text(log_settings, "ascii")


def java_arguments(program: Path, flags: list[str], jars: list[Path], log_level: str) -> list[str]:
    """Return the command line up to the main class."""
    return [
        str(program),
        *flags,
        "-Dlog4j2.configurationFile=log4j2.properties",
        "-Dkafka.logfile=kafka.log",
        f"-Dkafka.loglevel={log_level}",
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
    ]


def choose_port(folder: Folder, wanted: int | None) -> int:
    """Return the wanted port, else the previous one, else a free one; the controller uses the next higher port.

    Raise DataFolderBusyError when the wanted port is taken.
    """
    memory = folder.path / "port"
    if wanted is not None:
        if not _is_free(wanted):
            message = (
                f"port {wanted} or {wanted + 1} is taken by another program or out of range; "
                "name another port, or none to get a free one"
            )
            raise DataFolderBusyError(message)
        port = wanted
    else:
        port = _remembered(memory) or next(
            port for port in random.sample(PORTS, len(PORTS)) if _is_free(port)
        )
    memory.write_text(f"{port}\n", "ascii")
    return port


def _remembered(memory: Path) -> int | None:
    try:
        port = int(memory.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return port if _is_free(port) else None


def _is_free(port: int) -> bool:
    try:
        for number in (port, port + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # closed connections of the previous run do not count
                probe.bind(("127.0.0.1", number))
    except (OSError, OverflowError):
        return False
    return True
