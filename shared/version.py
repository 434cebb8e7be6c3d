"""The version. pyproject.toml, the image and all log lines use it."""

VERSION = "0.1.0"
