"""Analyze the fixes of one day: distances, daily numbers and CSV rows (docs/concepts/numbers.md)."""
