"""One exchange over HTTP that is over in so many seconds, whatever the server does, and that knows whether anything was said."""

import socket
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# What an HTTP answer says of a message (RFC 9110, 15): never taken, never will be; or not taken, perhaps another time.
REFUSED = frozenset({400, 413, 422})
# The server gave up on a request that it may have read; every other 4xx says that it did not act on it.
UNCLEAR = frozenset({408})


class BoundedSession(Session):
    """``seconds`` bound connecting, sending and reading together: a time-out alone starts afresh with each byte.

    ``was_told``: a connection stood, so that the server may have read something. Used for one exchange, then closed.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.stop_at = monotonic() + seconds
        self.was_told = False
        self._sockets: list[socket.socket] = []
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(self))

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Return the answer; raises requests' exceptions, also where the seconds are over."""
        too_late = Timer(self.stop_at - monotonic(), self._hang_up)
        too_late.daemon = True
        too_late.start()
        try:
            # Half for connecting: a name may have two addresses. A redirect would carry key and number elsewhere.
            bounds = {"timeout": (self.seconds / 2, self.seconds), "allow_redirects": False}
            return super().send(request, **(options | bounds))
        finally:
            too_late.cancel()

    def connected(self, sock: socket.socket) -> None:
        """From here on the server may read. Raises TimeoutError, with nothing said, where the seconds are over."""
        if monotonic() >= self.stop_at:
            raise TimeoutError
        self.was_told = True
        self._sockets.append(sock)

    def _hang_up(self) -> None:
        for sock in self._sockets:
            with suppress(OSError):
                # The plain one beneath TLS: an alert would wait for the other side.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Connections that tell their session when they stand."""

    def __init__(self, session: BoundedSession) -> None:
        self._session = session
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self._tell(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        self._tell(manager)
        return manager

    def _tell(self, manager: Any) -> None:
        session = self._session

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                session.connected(self.sock)

        class Sealed(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                session.connected(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SealedPool(HTTPSConnectionPool):
            ConnectionCls = Sealed

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SealedPool}
