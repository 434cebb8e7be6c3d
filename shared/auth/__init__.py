"""Authentication and rate limiting of HTTP requests. Off unless settings turn it on (docs/guides/secure.md)."""
