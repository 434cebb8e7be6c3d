"""Benchmarks. A package, not a namespace: trackintel installs a package of the same name."""
