"""The server that misbehaves."""

from file_server import server

__all__ = ["server"]
