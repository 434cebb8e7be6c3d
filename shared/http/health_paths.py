"""Paths of the health endpoints. The first path of each is the canonical one, the others are aliases."""

LIVE = ("/healthz", "/health/live", "/api/v1/health/live")
READY = ("/readyz", "/health/ready", "/api/v1/health/ready")
STARTUP = ("/health/startup", "/api/v1/health/startup")
HEALTH = ("/health", "/api/v1/health")
STATUS = ("/status", "/api/v1/status")
PROMETHEUS = ("/metrics", "/api/v1/metrics/prometheus")
JOB_COUNTS = ("/metrics/json", "/api/v1/metrics")  # of distance-list only

LIVENESS_PATHS = frozenset({*LIVE, *STARTUP})  # run no checks
PROBES = frozenset({*LIVENESS_PATHS, *READY, *HEALTH, *STATUS, *PROMETHEUS})
