"""`make cluster-test`: what only a real cluster with Knative can prove."""
