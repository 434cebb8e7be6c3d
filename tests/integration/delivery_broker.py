"""The stand-in broker with the Triggers of the delivery cases, as gunicorn serves it."""

import os
from pathlib import Path

from local.broker.app import Broker
from local.broker.dispatcher import Trigger, http_sender
from local.broker.queue import DeliveryQueue
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
    broker = Broker(DeliveryQueue(Path(os.environ["QUEUE"])), triggers, http_sender())
    broker.start()
    return broker
