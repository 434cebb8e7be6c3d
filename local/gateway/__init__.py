"""The gateway: one port for all services of the local system."""
