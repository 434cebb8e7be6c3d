"""Tools for developing and releasing the project. The functions do not import them."""
