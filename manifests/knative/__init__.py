"""What Knative's webhooks refuse, and what breaks silently later, though the schemas let it pass: true of any manifest.

Versions: Serving 1.23, Eventing 1.22, with their default configuration.
"""

from manifests.knative import (
    autoscaling,
    brokers,
    containers,
    delivery,
    domains,
    names,
    pods,
    references,
    revisions,
    selectors,
    sources,
    traffic,
    triggers,
    visibility,
    volumes,
)

RULES = (
    *names.RULES,
    *autoscaling.RULES,
    *visibility.RULES,
    *revisions.RULES,
    *pods.RULES,
    *containers.RULES,
    *volumes.RULES,
    *traffic.RULES,
    *domains.RULES,
    *brokers.RULES,
    *triggers.RULES,
    *delivery.RULES,
    *sources.RULES,
    *references.RULES,
    *selectors.RULES,
)
