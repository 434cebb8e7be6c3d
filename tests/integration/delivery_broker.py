"""The local broker with the Triggers of the delivery cases, as a WSGI application."""

import os
from pathlib import Path

from local.broker.app import Broker
from local.broker.dispatcher import Trigger, http_sender
from local.broker.queue import DeliveryQueue
from tests.cluster.delivery.cases import BACKOFF_SECONDS, REPLY_TYPE, RETRIES, TIMEOUT_SECONDS, TYPE


def application() -> Broker:
    subscriber = os.environ["SUBSCRIBER"]
    triggers = [
        Trigger(
            event_type,
            f"{subscriber}{path}",
            type=event_type,
            dead_letter_sink=f"{subscriber}/dead-letter",
            retry=RETRIES,
            backoff_delay=BACKOFF_SECONDS,
            timeout=TIMEOUT_SECONDS,
        )
        for path, event_type in (("/", TYPE), ("/reply", REPLY_TYPE))
    ]
    broker = Broker(DeliveryQueue(Path(os.environ["QUEUE"])), triggers, http_sender())
    broker.start()
    return broker
