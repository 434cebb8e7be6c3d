"""The state of one job, and the way to its CSV."""
