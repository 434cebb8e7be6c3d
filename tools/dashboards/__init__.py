"""Generator of the Grafana dashboards and of the table of metrics in the documentation."""
