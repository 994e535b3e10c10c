"""HTTP with patience of a limited length.

uvicorn waits for ever for the head of a request, and swallows the rest of a body for ever once
the answer is sent. Both let one client hold a connection for nothing (slow-loris).
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def patient_protocol(seconds: float) -> type[H11Protocol]:
    """Uvicorn's protocol with limits.

    Args:
        seconds: For the whole head of a request, and for the rest of a body that is not wanted.
    """

    class PatientProtocol(H11Protocol):
        _patience: asyncio.TimerHandle | None = None
        _due = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forgive()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Start the clock when something is due, and stop it when that has come."""
            due = ""
            if self.conn.their_state is h11.IDLE:
                due = "head"
            elif self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
                due = "rest"
            if due == self._due:
                return
            self._forgive()
            if due:
                self._due = due
                self._patience = self.loop.call_later(seconds, self.transport.close)

        def _forgive(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
            self._patience, self._due = None, ""

    return PatientProtocol
