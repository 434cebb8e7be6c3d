"""Deterministic simulation: the real code on an in-memory S3 and broker, with a virtual clock and seeded faults.

docs/contributing/simulation.md describes the model and the invariants.
"""
