"""A stand-in for a Knative broker on one machine."""
