"""Traces and metrics by OpenTelemetry: the only importer of its API and SDK. docs/observability.md is its guide.

context     which trace a request belongs to (W3C)
spans       what is timed and told of it
metrics     what is counted: every instrument, with its unit and its closed sets of labels
provider    where both go: nowhere, until a deployment names an endpoint
"""
