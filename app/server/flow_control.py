"""Flow control of a connection: stops and resumes reading from a client."""

import asyncio
import time

from uvicorn.protocols.http.flow_control import FlowControl


class ReadingFlowControl(FlowControl):
    """uvicorn's flow control with two more reasons to stop reading, and a measurement of the pauses.

    Reading is stopped while the application has not consumed a body (uvicorn then calls `pause_reading`, and later
    `resume_reading`), while received requests wait (`hold_reading`), and while the client does not read its responses
    (`pause_writing`). Reading continues when all three reasons are gone.
    """

    _transport: asyncio.Transport
    _is_unconsumed = False
    _is_held = False
    _paused_at: float | None = None
    _ended_pauses = 0.0

    def pause_reading(self) -> None:
        """Stop reading until the application has consumed the data that has arrived."""
        self._is_unconsumed = True
        self._update()

    def resume_reading(self) -> None:
        """Record that the application has consumed the data. Continue reading if no other reason prevents it."""
        if self.read_paused:
            self._is_unconsumed = False
            self._update()

    def hold_reading(self, *, held: bool) -> None:
        """If `held`, stop reading because received requests wait. If not, remove this reason to stop reading."""
        if held is not self._is_held:
            self._is_held = held
            self._update()

    def pause_writing(self) -> None:
        """Stop reading, because the client does not read its responses."""
        super().pause_writing()
        self._update()

    def resume_writing(self) -> None:
        """Record that the client has read its responses. Continue reading if no other reason prevents it."""
        super().resume_writing()
        self._update()

    @property
    def paused_seconds(self) -> float:
        """The total time in seconds for which reading has been stopped on this connection."""
        return self._ended_pauses + (0.0 if self._paused_at is None else time.monotonic() - self._paused_at)

    def _update(self) -> None:
        paused = self._is_unconsumed or self._is_held or self.write_paused
        if paused is self.read_paused or self._transport.is_closing():
            return
        self.read_paused = paused
        if paused:
            self._paused_at = time.monotonic()
            self._transport.pause_reading()
        else:
            self._ended_pauses, self._paused_at = self.paused_seconds, None
            self._transport.resume_reading()
