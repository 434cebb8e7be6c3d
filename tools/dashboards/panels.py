"""The panels of the dashboards. Metrics have the names that the collector exports them under."""

from collections.abc import Iterator

from tools.dashboards.grafana import Dashboard, Panel, mean, per_hour, per_second, quantile, quantiles

_HTTP = "http_server_request_duration_seconds"
_API = 'http_route=~"/api/.*"'
_FAILED = 'distance_jobs_failed_total{error_type!="NO_DATA"}'
_FINISHED = f"(sum(increase({_FAILED}[$__range])) + sum(increase(distance_jobs_completed_total[$__range])))"
_COVERAGE = "distance_analysis_coverage"
_PER_DEVICE = "Of a day, for each device of a job."
_DEPENDENCIES = {
    "Database": "db_client_operation_duration_seconds",
    "Object storage": "rpc_client_call_duration_seconds",
    "Broker": "messaging_client_operation_duration_seconds",
}

JOB_TRANSITIONS = Panel(
    "Jobs by state reached",
    "short",
    {"{{to}}": per_hour("distance_job_transitions_total", "to")},
    "State changes per hour. Processing counts each attempt.",
)
SUCCESS = Panel(
    "Job success rate",
    "percentunit",
    {"success rate": f"sum(increase(distance_jobs_completed_total[$__range])) / {_FINISHED}"},
    "Share of the jobs that finished in the selected range, without NO_DATA. The objective is 98 %.",
    "stat",
)
ACTIVE = Panel("Active calculations", "short", {"active": "sum(distance_calculations_active)"})
BACKLOG = Panel("Backlog", "short", {"{{status}}": "max by (status) (distance_jobs_backlog)"}, "At the last sweep.")
REQUESTS = Panel(
    "Requests by status",
    "reqps",
    {"{{http_response_status_code}}": per_second(f"{_HTTP}_count", "http_response_status_code")},
)
DURATION = Panel(
    "Calculation", "s", quantiles("distance_job_duration_seconds"), "From the claim of an attempt to its end."
)
TURNAROUND = Panel(
    "Turnaround",
    "s",
    quantiles("distance_job_turnaround_seconds"),
    "From submission to end. The objective is 95 % under 5 s.",
)
ERRORS = Panel(
    "Errors by type", "short", {"{{error_type}}": per_hour("distance_errors_total", "error_type")}, "Per hour."
)
FAILURES = Panel(
    "Failed jobs by reason",
    "short",
    {"{{error_type}}": per_hour("distance_jobs_failed_total", "error_type")},
    "Per hour.",
)


def _dependencies() -> Iterator[Panel]:
    for name, metric in _DEPENDENCIES.items():
        yield Panel(f"{name}: calls", "s", quantiles(metric))
        errors = {"{{error_type}}": per_second(f"{metric}_count", "error_type", 'error_type!=""')}
        yield Panel(f"{name}: errors", "ops", errors)


DASHBOARDS = (
    Dashboard(
        "distance-overview",
        "Distance: overview",
        (SUCCESS, JOB_TRANSITIONS, ACTIVE, BACKLOG, DURATION, TURNAROUND, REQUESTS, ERRORS, FAILURES),
    ),
    Dashboard(
        "distance-jobs",
        "Distance: jobs",
        (
            JOB_TRANSITIONS,
            FAILURES,
            Panel(
                "Submissions",
                "short",
                {"{{outcome}}": per_hour("distance_jobs_submitted_total", "outcome")},
                "Per hour.",
            ),
            BACKLOG,
            Panel(
                "Age of the oldest job in the backlog",
                "s",
                {"{{status}}": "max by (status) (distance_jobs_backlog_age_seconds)"},
            ),
            Panel("Waiting for the first attempt", "s", quantiles("distance_job_queue_wait_seconds")),
            DURATION,
            TURNAROUND,
            Panel("Claims", "short", {"{{outcome}}": per_hour("distance_claims_total", "outcome")}, "Per hour."),
            Panel(
                "Retries",
                "short",
                {
                    "attempts after the first": per_hour("distance_job_retries_total"),
                    "jobs completed by a retry": per_hour("distance_job_retries_completed_total"),
                    "events republished by the sweep": per_hour("distance_jobs_republished_total"),
                },
                "Per hour.",
            ),
            Panel(
                "Undelivered events",
                "short",
                {
                    "not published: {{cloudevents_event_type}}": per_hour(
                        "distance_publish_failures_total", "cloudevents_event_type"
                    ),
                    "dead letter: {{outcome}}": per_hour("distance_dead_letters_total", "outcome"),
                },
                "Per hour.",
            ),
            Panel("Deleted", "short", {"deleted": per_hour("distance_jobs_deleted_total")}, "Per hour."),
            Panel("Sweep", "s", quantiles("distance_sweep_duration_seconds")),
            Panel(
                "Sweeps",
                "short",
                {"per minute": f"{per_second('distance_sweep_duration_seconds_count')} * 60"},
                "The expected value is 1.",
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
                    "{{http_request_method}} {{http_route}}": per_second(
                        f"{_HTTP}_count", "http_request_method, http_route", _API
                    )
                },
            ),
            Panel(
                "Responses by status",
                "reqps",
                {"{{http_response_status_code}}": per_second(f"{_HTTP}_count", "http_response_status_code", _API)},
            ),
            Panel(
                "5xx by function",
                "reqps",
                {
                    "{{service_name}}": per_second(
                        f"{_HTTP}_count", "service_name", f'{_API}, http_response_status_code=~"5.."'
                    )
                },
            ),
            Panel("Response times", "s", quantiles(_HTTP, _API)),
            Panel("Response times by route (p95)", "s", {"{{http_route}}": quantile(_HTTP, 95, "http_route", _API)}),
            Panel(
                "Errors by cause",
                "reqps",
                {"{{error_type}}": per_second(f"{_HTTP}_count", "error_type", 'error_type!=""')},
            ),
            Panel(
                "Events, dead letters, sweeps",
                "reqps",
                {
                    "{{http_route}} {{http_response_status_code}}": per_second(
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
                "Active pods",
                "short",
                {"{{service_name}}": "count by (service_name) (process_memory_usage_bytes)"},
                "Pods that sent metrics within the last three minutes.",
            ),
            Panel(
                "Cold starts",
                "short",
                {"{{service_name}}": per_hour("faas_coldstarts_total", "service_name")},
                "Per hour.",
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
                "Failed stages",
                "short",
                {"{{stage}}": per_hour("distance_stage_duration_seconds_count", "stage", 'outcome="error"')},
                "Per hour.",
            ),
            Panel("Fixes per day", "short", quantiles("db_client_response_returned_rows", 'db_operation_name="COPY"')),
            *_dependencies(),
            Panel(
                "Object storage by method",
                "ops",
                {"{{rpc_method}}": per_second("rpc_client_call_duration_seconds_count", "rpc_method")},
            ),
        ),
    ),
    Dashboard(
        "distance-distances",
        "Distance: distances",
        (
            Panel(
                "Total path length",
                "lengthkm",
                {"path length": "sum(increase(distance_path_length_km_total[$__range]))"},
                "Sum of the path lengths of the jobs completed in the selected range.",
                "stat",
            ),
            Panel("Path length", "lengthkm", quantiles("distance_job_path_length_km")),
            Panel("Maximum distance from home", "lengthkm", quantiles("distance_job_max_distance_km")),
            Panel("Away time", "m", quantiles("distance_job_away_time_minutes")),
            Panel(
                "Fixes",
                "short",
                {"read": per_hour("distance_fixes_read_total"), "rejected": per_hour("distance_fixes_rejected_total")},
                "Per hour. Rejected fixes are those of the analysis.",
            ),
            Panel(
                "Rejected fixes",
                "short",
                {"{{reason}}": per_hour("distance_fixes_rejected_total", "reason")},
                "Per hour. Many out_of_order fixes are usually late ones: use DAY_COLUMN=timestamp.",
            ),
            Panel(
                "Tracking coverage",
                "percentunit",
                {"mean": mean(_COVERAGE), "p10": quantile(_COVERAGE, 10)},
                "Known share of a day, for each device of a job.",
            ),
            Panel("Unknown time", "m", quantiles("distance_analysis_unknown_time_minutes"), _PER_DEVICE),
            Panel(
                "Trips",
                "short",
                {"mean": mean("distance_analysis_trips"), "p95": quantile("distance_analysis_trips", 95)},
                _PER_DEVICE,
            ),
            Panel("CSV size", "decbytes", quantiles("distance_csv_size_bytes")),
        ),
    ),
)
