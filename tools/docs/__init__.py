"""Generated parts of the documentation: settings, errors, metrics, commands and the HTTP API, from the code."""
