"""Receives OTLP and shows it: what `make observe` looks at, and what the tests of telemetry listen with."""
