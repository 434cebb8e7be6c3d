"""The function list: pages of jobs, statistics, devices."""
