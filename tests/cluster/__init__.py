"""Cluster test (`make cluster-test`): checks that need a real cluster with Knative."""
