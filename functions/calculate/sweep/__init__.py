"""The periodic sweep: reconcile stuck jobs, compact the index, enforce retention (docs/concepts/job-lifecycle.md)."""
