"""A server (or proxy) of failures for the SDK's tests of its retries: the path says which.

`/204` answers 204; `/204r` does with x-cos-request-id; `/500l` fails always; any other 5xx,
`/timeout` and `/shutdown` fail until the client says that it tries again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RETRY = "x-cos-sdk-retry"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stopping: threading.Event

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        wanted = self.path.rpartition("/")[2]
        again = self.headers.get(_RETRY) == "true"
        if wanted == "shutdown" and not again:
            self.close_connection = True
        elif wanted == "timeout" and not again:
            self.stopping.wait(120)  # longer than the client waits
            self.close_connection = True
        else:
            self._answer(wanted, again=again)

    def _answer(self, wanted: str, *, again: bool) -> None:
        status = int(wanted[:3]) if wanted[:3].isdigit() else 200
        if status >= 500 and again and not wanted.endswith("l"):
            status = 200
        self.send_response(status)
        if wanted.endswith("r"):
            self.send_header("x-cos-request-id", "NjM=")
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the failures are the point."""


@contextlib.contextmanager
def fault_server() -> Iterator[str]:
    """Serve on a free port; gives `127.0.0.1:PORT`."""
    stopping = threading.Event()
    handler = type("Handler", (_Handler,), {"stopping": stopping})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
