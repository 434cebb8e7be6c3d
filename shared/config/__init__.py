"""The configuration of a process: settings and their validation."""
