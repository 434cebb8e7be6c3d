"""The stand-in broker with the Triggers of the delivery cases, for gunicorn."""

import os
from pathlib import Path

from cluster.delivery import cases, subscriber
from local.broker import Broker
from local.broker_queue import Queue
from local.delivery import Trigger, poster


def from_environ() -> Broker:
    """It delivers to SUBSCRIBER_URL, as the Triggers of cluster/delivery/manifests.py do."""
    there = os.environ["SUBSCRIBER_URL"]
    triggers = [
        Trigger(
            "cases",
            f"{there}/",
            type=cases.TYPE,
            dead_letter_sink=f"{there}/dead-letter",
            retry=cases.RETRY,
            backoff_delay=cases.BACKOFF_SECONDS,
            timeout=cases.TIMEOUT_SECONDS,
        ),
        Trigger("replies", f"{there}/replies", type=subscriber.REPLY),
    ]
    broker = Broker(Queue(Path(os.environ["QUEUE"])), triggers, poster())
    broker.start()
    return broker
