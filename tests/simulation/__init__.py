"""The real code on an in-memory S3 and broker with a virtual clock, where a seed decides (docs/simulation.md)."""
