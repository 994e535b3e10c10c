"""Fetching files over a bad line and unpacking archives that may be damaged or hostile."""
