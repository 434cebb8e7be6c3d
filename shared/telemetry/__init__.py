"""Traces, metrics, logs and error reports. Only this package imports OpenTelemetry (docs/guides/observe.md).

context          W3C trace context of a request
spans            spans and their attributes
metrics          instruments, units and label values
provider         export of traces, metrics and logs, disabled without an endpoint
logging_config   JSON logs
error_reporting  errors: counted, logged, and sent to Sentry
"""
