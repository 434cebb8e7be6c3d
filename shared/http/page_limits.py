"""Limits of the pages of the job list."""

DEFAULT_LIMIT, MAX_LIMIT = 50, 500  # jobs in a page
