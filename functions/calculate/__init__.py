"""The functions submit and calculate."""
