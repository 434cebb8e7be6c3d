"""The stand-in broker with the Triggers of the delivery cases, as gunicorn serves it."""

import os
from pathlib import Path

from local.broker import Broker
from local.broker_queue import Queue
from local.delivery import Trigger, poster
from tests.cluster.delivery.cases import BACKOFF_SECONDS, REPLY, RETRIES, TIMEOUT_SECONDS, TYPE


def application() -> Broker:
    subscriber = os.environ["SUBSCRIBER"]
    triggers = [
        Trigger(
            kind,
            f"{subscriber}{path}",
            type=kind,
            dead_letter_sink=f"{subscriber}/dead-letter",
            retry=RETRIES,
            backoff_delay=BACKOFF_SECONDS,
            timeout=TIMEOUT_SECONDS,
        )
        for path, kind in (("/", TYPE), ("/reply", REPLY))
    ]
    broker = Broker(Queue(Path(os.environ["QUEUE"])), triggers, poster())
    broker.start()
    return broker
