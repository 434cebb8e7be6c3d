"""The functions submit, calculate, status and list."""
