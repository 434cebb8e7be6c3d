"""The configuration of a process: its settings, the types that validate them, and the URLs that they contain."""
