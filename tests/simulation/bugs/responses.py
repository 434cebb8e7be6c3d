"""Bugs in responses to brokers and callers."""

from tests.planted import Bug

_DELIVERY = "functions.calculate.delivery:Delivery"
_SUBMITTER = "functions.calculate.submission:Submitter"

BUGS = (
    Bug(
        "dead-letter-answers-500",
        f"{_DELIVERY}.handle_dead_letter",
        old="capture_error(...)",
        new="raise RuntimeError",
        breaks="the broker has no other sink for a dead letter",
    ),
    Bug(
        "invalid-dead-letter-answers-400",
        f"{_DELIVERY}.handle_dead_letter",
        old="outcome = 'no_job'",
        new="raise",
        breaks="the broker delivers an invalid dead letter again",
    ),
    Bug(
        "dead-letter-fails-locked-job",
        f"{_DELIVERY}.fail_undeliverable",
        old="record.status.is_finished or ... or ...",
        new="record.status.is_finished",
        breaks="a job fails while an attempt processes it",
    ),
    Bug(
        "locked-answers-204",
        f"{_DELIVERY}.handle_request",
        old="JobFinished",
        new="(JobFinished, __import__('shared.errors').errors.JobLocked)",
        breaks="the broker drops an event whose attempt may still die",
    ),
    Bug(
        "unavailable-answers-400",
        "shared.http.error_responses",
        old="(errors.Unavailable, 503, ...)",
        new="(errors.Unavailable, 400, 'SERVICE_UNAVAILABLE')",
        breaks="an outage sends events to the dead-letter sink at once",
    ),
    Bug(
        "submission-returns-own-time",
        f"{_SUBMITTER}.submit",
        old="record.queued_at",
        new="now",
        breaks="a repeated submission returns a queued_at that differs from the status",
    ),
    Bug(
        "key-conflict-not-detected",
        f"{_SUBMITTER}._get_or_create",
        old="not _is_same_task(...)",
        new="False",
        breaks="the same Idempotency-Key with a different body returns the job of the first body",
    ),
)
