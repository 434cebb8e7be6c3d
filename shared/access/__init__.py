"""Who may ask, from where, and how often: all of it off unless settings ask for it (docs/access.md)."""
