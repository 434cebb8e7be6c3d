"""Submitting a job and calculating it: two targets of one folder."""
