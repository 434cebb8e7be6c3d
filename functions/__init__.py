"""The functions: calculate (submit and calculate), status, list."""
