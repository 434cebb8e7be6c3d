"""The function web: the page in which people look at a day."""
