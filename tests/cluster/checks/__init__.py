"""One file a subject; a proof returns its figures, or raises NotProven, TooSlow or Refused."""
