"""What the dashboards show; names and labels are as the collector makes them of shared/telemetry/metrics.py."""

from collections.abc import Iterator

from observability.drawing import Dashboard, Panel, hourly, quantile, quantiles, rate

_HTTP = "http_server_request_duration_seconds"
_API = 'http_route=~"/api/.*"'
_FAILED = 'distance_jobs_failed_total{error_type!="NO_DATA"}'
_ENDED = f"(sum(increase({_FAILED}[$__range])) + sum(increase(distance_jobs_completed_total[$__range])))"
_DEPENDENCIES = {
    "Database": "db_client_operation_duration_seconds",
    "Object storage": "rpc_client_call_duration_seconds",
    "Broker": "messaging_client_operation_duration_seconds",
}

JOBS_BY_END = Panel(
    "Jobs by state reached",
    "short",
    {"{{to}}": hourly("distance_job_transitions_total", "to")},
    "Changes of state an hour; processing counts each attempt.",
)
SUCCESS = Panel(
    "Jobs that succeeded",
    "percentunit",
    {"succeeded": f"sum(increase(distance_jobs_completed_total[$__range])) / {_ENDED}"},
    "Of those that ended in the range shown; NO_DATA is left out. The objective is 98 %.",
    "stat",
)
ACTIVE = Panel("Active calculations", "short", {"active": "sum(distance_calculations_active)"})
BACKLOG = Panel(
    "Backlog", "short", {"{{status}}": "max by (status) (distance_jobs_backlog)"}, "As the last sweep saw it."
)
REQUESTS = Panel(
    "Requests by status",
    "reqps",
    {"{{http_response_status_code}}": rate(f"{_HTTP}_count", "http_response_status_code")},
)
DURATION = Panel("Calculation", "s", quantiles("distance_job_duration_seconds"), "From an attempt's claim to its end.")
TURNAROUND = Panel(
    "Turnaround",
    "s",
    quantiles("distance_job_turnaround_seconds"),
    "From submission to end. The objective is 95 % under 5 s.",
)
ERRORS = Panel("Errors by type", "short", {"{{error_type}}": hourly("distance_errors_total", "error_type")}, "An hour.")
FAILURES = Panel(
    "Failed jobs by reason", "short", {"{{error_type}}": hourly("distance_jobs_failed_total", "error_type")}, "An hour."
)


def _dependencies() -> Iterator[Panel]:
    for name, metric in _DEPENDENCIES.items():
        yield Panel(f"{name}: calls", "s", quantiles(metric))
        errors = {"{{error_type}}": rate(f"{metric}_count", "error_type", 'error_type!=""')}
        yield Panel(f"{name}: errors", "ops", errors)


DASHBOARDS = (
    Dashboard(
        "distance-overview",
        "Distance: overview",
        (SUCCESS, JOBS_BY_END, ACTIVE, BACKLOG, DURATION, TURNAROUND, REQUESTS, ERRORS, FAILURES),
    ),
    Dashboard(
        "distance-jobs",
        "Distance: jobs",
        (
            JOBS_BY_END,
            FAILURES,
            Panel(
                "Submissions", "short", {"{{outcome}}": hourly("distance_jobs_submitted_total", "outcome")}, "An hour."
            ),
            BACKLOG,
            Panel("Oldest of the backlog", "s", {"{{status}}": "max by (status) (distance_jobs_backlog_age_seconds)"}),
            Panel("Waiting for the first attempt", "s", quantiles("distance_job_queue_wait_seconds")),
            DURATION,
            TURNAROUND,
            Panel("Claims", "short", {"{{outcome}}": hourly("distance_claims_total", "outcome")}, "An hour."),
            Panel(
                "Tried again",
                "short",
                {
                    "attempts after the first": hourly("distance_job_retries_total"),
                    "completed by them": hourly("distance_job_retries_completed_total"),
                    "asked again by the sweep": hourly("distance_jobs_asked_again_total"),
                },
                "An hour.",
            ),
            Panel(
                "Events lost on the way",
                "short",
                {
                    "not taken: {{cloudevents_event_type}}": hourly(
                        "distance_publish_failures_total", "cloudevents_event_type"
                    ),
                    "given up: {{outcome}}": hourly("distance_dead_letters_total", "outcome"),
                },
                "An hour.",
            ),
            Panel("Deleted", "short", {"deleted": hourly("distance_jobs_deleted_total")}, "An hour."),
            Panel("Sweep", "s", quantiles("distance_sweep_duration_seconds")),
            Panel(
                "Sweeps",
                "short",
                {"a minute": f"{rate('distance_sweep_duration_seconds_count')} * 60"},
                "One is right.",
            ),
        ),
    ),
    Dashboard(
        "distance-api",
        "Distance: API",
        (
            Panel(
                "Requests by route",
                "reqps",
                {
                    "{{http_request_method}} {{http_route}}": rate(
                        f"{_HTTP}_count", "http_request_method, http_route", _API
                    )
                },
            ),
            Panel(
                "Answers by status",
                "reqps",
                {"{{http_response_status_code}}": rate(f"{_HTTP}_count", "http_response_status_code", _API)},
            ),
            Panel(
                "5xx by function",
                "reqps",
                {
                    "{{service_name}}": rate(
                        f"{_HTTP}_count", "service_name", f'{_API}, http_response_status_code=~"5.."'
                    )
                },
            ),
            Panel("Answer times", "s", quantiles(_HTTP, _API)),
            Panel("Answer times by route (p95)", "s", {"{{http_route}}": quantile(_HTTP, 95, "http_route", _API)}),
            Panel(
                "Faults behind answers",
                "reqps",
                {"{{error_type}}": rate(f"{_HTTP}_count", "error_type", 'error_type!=""')},
            ),
            Panel(
                "Events, dead letters, sweeps",
                "reqps",
                {
                    "{{http_route}} {{http_response_status_code}}": rate(
                        f"{_HTTP}_count",
                        "http_route, http_response_status_code",
                        'service_name="distance-calculate", http_route!~"/api/.*"',
                    )
                },
            ),
        ),
    ),
    Dashboard(
        "distance-functions",
        "Distance: functions",
        (
            Panel(
                "Pods that told of themselves",
                "short",
                {"{{service_name}}": "count by (service_name) (process_memory_usage_bytes)"},
                "Within the last three minutes.",
            ),
            Panel(
                "Cold starts",
                "short",
                {"{{service_name}}": hourly("faas_coldstarts_total", "service_name")},
                "An hour.",
            ),
            Panel(
                "Start to readiness (p95)",
                "s",
                {"{{service_name}}": quantile("faas_init_duration_seconds", 95, "service_name")},
            ),
            Panel(
                "Memory",
                "bytes",
                {"{{service_name}}": "max by (service_name) (process_memory_usage_bytes)"},
                "The largest process of each function; the limits are 256 MiB, and 512 MiB for calculate.",
            ),
            ACTIVE,
            Panel("Stages (p95)", "s", {"{{stage}}": quantile("distance_stage_duration_seconds", 95, "stage")}),
            Panel(
                "Stages that failed",
                "short",
                {"{{stage}}": hourly("distance_stage_duration_seconds_count", "stage", 'outcome="error"')},
                "An hour.",
            ),
            Panel("Rows of a statement", "short", quantiles("db_client_response_returned_rows")),
            *_dependencies(),
            Panel(
                "Object storage by method",
                "ops",
                {"{{rpc_method}}": rate("rpc_client_call_duration_seconds_count", "rpc_method")},
            ),
        ),
    ),
    Dashboard(
        "distance-distances",
        "Distance: distances",
        (
            Panel(
                "Travelled",
                "lengthkm",
                {"travelled": "sum(increase(distance_travelled_km_total[$__range]))"},
                "Lengths of the paths of the jobs completed in the range shown, added up.",
                "stat",
            ),
            Panel("Length of a path", "lengthkm", quantiles("distance_job_path_length_km")),
            Panel("Farthest from home", "lengthkm", quantiles("distance_job_max_distance_km")),
            Panel("Away time", "m", quantiles("distance_job_away_time_minutes")),
            Panel(
                "Fixes",
                "short",
                {"read": hourly("distance_fixes_read_total"), "accepted": hourly("distance_fixes_accepted_total")},
                "An hour.",
            ),
            Panel(
                "Fixes left out", "short", {"{{reason}}": hourly("distance_fixes_rejected_total", "reason")}, "An hour."
            ),
            Panel("Size of a CSV", "decbytes", quantiles("distance_csv_size_bytes")),
        ),
    ),
)
