"""Check of the Kubernetes manifests: docs/contributing/development.md describes what it covers."""
