"""The HTTP surface of every function: routing, error responses, health, CORS, instrumentation."""
