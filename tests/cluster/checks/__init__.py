"""Checks by subject. Each returns its figures or raises ClusterCheckFailed, WaitTimeout or KubectlError."""

Figures = dict[str, str]
