"""The function list: pages of jobs, days, statistics, devices."""
