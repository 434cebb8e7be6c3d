"""What is applied to a cluster, rendered and checked before it is applied: docs/development.md has how and why.

`rendered(folder)` renders a kustomization, `findings(resources)` tells what is wrong in it.
"""

from manifests.checking import findings
from manifests.rendering import rendered
from manifests.resources import Finding, Resource

__all__ = ["Finding", "Resource", "findings", "rendered"]
