"""Find a broker to measure on, leave it as it was, and explain why nothing could be measured."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from confluent_kafka import KafkaException

from bench.checks import WrongRunError
from bench.cluster import Cluster
from bench.processes import ContenderError
from bench.progress import Progress
from streams.kafka.local import LocalKafka, LocalKafkaError


def on_a_broker(work: Callable[[Cluster, Path], None], progress: Progress) -> int:
    """Measure on the broker of LEADS_KAFKA, else on a local one, with a folder of its own; gives the exit code.

    0 measured; 1 what was measured failed, or its output was wrong; 3 no broker.
    """
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leads-bench-")))
            cluster = Cluster(_broker(stack, folder, progress))
            cluster.check()
            stack.callback(cluster.clear)
            work(cluster, folder)
    except (WrongRunError, ContenderError) as error:
        progress.say(f"[red]{type(error).__name__}[/red]: {error}")
        return 1
    except (KafkaException, LocalKafkaError) as error:
        progress.say(f"[red]no broker[/red]: {error}")
        return 3
    return 0


def _broker(stack: ExitStack, folder: Path, progress: Progress) -> str:
    given = os.environ.get("LEADS_KAFKA")
    if given:
        return given
    progress.say("LEADS_KAFKA is not set: starting a local Kafka")
    kafka = LocalKafka(folder / "kafka")
    bootstrap = kafka.start()
    stack.callback(kafka.stop)
    return bootstrap
