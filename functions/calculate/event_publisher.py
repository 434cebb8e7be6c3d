"""Events that calculate publishes by itself, beside its replies: a request once more, an outcome nobody asked for."""

import logging
from collections.abc import Mapping

from shared import events
from shared.errors import Unavailable
from shared.models import Record
from shared.telemetry.context import trace_of

_LOG = logging.getLogger(__name__)


class EventPublisher:
    """Publishes in the trace of the job; without a publisher the broker counts as away."""

    def __init__(self, publisher: events.Publisher | None, extensions: Mapping[str, str]) -> None:
        self._publisher = publisher
        self._extensions = extensions

    def republish_request(self, record: Record) -> None:
        """Ask for the calculation once more, or Unavailable."""
        if self._publisher is None:
            raise Unavailable("broker", "K_SINK is not set")
        trace = trace_of({"traceparent": record.traceparent})
        self._publisher.publish(events.requested(record, self._extensions, trace))

    def publish_outcome(self, record: Record) -> None:
        """Tell how a job ended that no delivery will be answered for; a broker that is away is not told."""
        if self._publisher is None:
            return
        trace = trace_of({"traceparent": record.traceparent})
        try:
            self._publisher.publish(events.outcome(record, trace, self._extensions))
        except Unavailable as exc:
            _LOG.warning("outcome not published", extra={"job_id": record.job_id, "cause": exc.cause})
