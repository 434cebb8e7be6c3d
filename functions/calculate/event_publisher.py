"""Publish events that calculate does not send as replies: repeated requests, and outcomes without a delivery."""

import logging
from collections.abc import Mapping

from shared import events
from shared.errors import Unavailable
from shared.models import Record
from shared.telemetry.context import trace_of

_LOG = logging.getLogger(__name__)


class EventPublisher:
    """Publish events in the trace of their job. Without a publisher the broker counts as unavailable."""

    def __init__(self, publisher: events.Publisher | None, extensions: Mapping[str, str]) -> None:
        self._publisher = publisher
        self._extensions = extensions

    def republish_request(self, record: Record) -> None:
        """Publish the job's request event again. Raises Unavailable if the broker does not accept it."""
        if self._publisher is None:
            raise Unavailable("broker", "K_SINK is not set")
        trace = trace_of({"traceparent": record.traceparent})
        self._publisher.publish(events.request_event(record, self._extensions, trace))

    def publish_outcome(self, record: Record) -> None:
        """Publish the outcome of a job that has no delivery to reply to. A failure is logged, but not raised."""
        if self._publisher is None:
            return
        trace = trace_of({"traceparent": record.traceparent})
        try:
            self._publisher.publish(events.outcome_event(record, trace, self._extensions))
        except Unavailable as exc:
            _LOG.warning("outcome event not published", extra={"job_id": record.job_id, "cause": exc.cause})
