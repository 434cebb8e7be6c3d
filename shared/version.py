"""The one place of the version: pyproject.toml, the image and every log line take it from here."""

VERSION = "0.1.0"
