"""The paths under which every service tells of its health; SCRAPED and NUMBERS are not the gateway's own."""

LIVE = ("/healthz", "/health/live", "/api/v1/health/live")
READY = ("/readyz", "/health/ready", "/api/v1/health/ready")
STARTUP = ("/health/startup", "/api/v1/health/startup")
HEALTH = ("/health", "/api/v1/health")
STATUS = ("/status", "/api/v1/status")
SCRAPED = ("/metrics", "/api/v1/metrics/prometheus")
NUMBERS = ("/metrics/json", "/api/v1/metrics")  # of the list only

UNTOUCHING = frozenset({*LIVE, *STARTUP})  # told from what the process knows
PROBES = frozenset({*UNTOUCHING, *READY, *HEALTH, *STATUS, *SCRAPED})
