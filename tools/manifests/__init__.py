"""Check of the Kubernetes manifests: docs/development.md describes what it covers."""
