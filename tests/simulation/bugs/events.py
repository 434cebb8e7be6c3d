"""Bugs in what brokers and callers are told."""

from tests.simulation.planted import Bug

_DELIVERY = "functions/calculate/delivery.py"
_SUBMISSION = "functions/calculate/submission.py"
_HTTP = "shared/http/error_responses.py"

BUGS = (
    Bug(
        "dead-letter-answers-500",
        _DELIVERY,
        '            capture_error(exc, consequence="dead letter not processed")\n',
        "            raise RuntimeError from exc\n",
        "the broker has nowhere to go with a dead letter",
    ),
    Bug(
        "hopeless-dead-letter-is-400",
        _DELIVERY,
        '            _LOG.warning("dead letter without a job", extra={"cause": type(exc).__name__})\n',
        "            raise\n",
        "the broker tries a dead letter again and again",
    ),
    Bug(
        "dead-letter-of-a-held-job-fails-it",
        _DELIVERY,
        " or job_store.has_active_lease(record, self._clock()) or event.last_status == _LOCKED:",
        ":",
        "a job fails while an attempt is at it",
    ),
    Bug(
        "held-is-204",
        _DELIVERY,
        "        except JobFinished:\n",
        '        except (JobFinished, __import__("shared.errors").errors.JobLocked):\n',
        "the broker forgets an event whose attempt may still die",
    ),
    Bug(
        "unavailable-is-400",
        _HTTP,
        '(errors.Unavailable, 503, "SERVICE_UNAVAILABLE")',
        '(errors.Unavailable, 400, "SERVICE_UNAVAILABLE")',
        "an outage sends events to the dead-letter sink at once",
    ),
    Bug(
        "told-another-time",
        _SUBMISSION,
        "queued_at=record.queued_at,",
        "queued_at=now,",
        "a repeated submission is told another queued_at than the status shows",
    ),
    Bug(
        "key-reused-unseen",
        _SUBMISSION,
        "        if not _is_same_task(record, task, _explicit_fields(submission)):\n",
        "        if not _is_same_task(record, task, _explicit_fields(submission)) and record.attempt > 99:\n",
        "the same Idempotency-Key with another body is told the first body's job",
    ),
)
