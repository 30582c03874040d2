"""What is a client's connection, beyond HTTP? One that can be told that its next answer is its last."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """uvicorn's, with a polite end: whoever sends another request just then is answered, not reset."""

    _ending = False

    def end(self, *, idle_too: bool) -> None:
        """Close after the answer that runs or comes next; with `idle_too` at once where nothing runs."""
        self._ending = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif idle_too:
            self.transport.close()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._ending:
            self.cycle.keep_alive = False
