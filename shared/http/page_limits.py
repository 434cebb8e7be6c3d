"""Limits of the pages of the job list and of ranges of days."""

DEFAULT_LIMIT, MAX_LIMIT = 50, 500  # jobs in a page
MAX_DAYS = 366  # days in a range: a leap year
