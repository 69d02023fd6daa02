"""One TLS context for each host that is asked for, made on demand; a bounded number is kept."""

from __future__ import annotations

import datetime
import logging
import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.tls import LOOPBACK

if TYPE_CHECKING:
    from localcloud.tls.authority import Authority, Leaf

MAX_CONTEXTS = 128
_RENEW = datetime.timedelta(days=1)
_log = logging.getLogger("localcloud")


class Contexts:
    """Server contexts with certificates of `authority`, for the hosts that `plays` says yes to."""

    def __init__(self, authority: Authority, plays: Callable[[str], bool], scratch: Path) -> None:
        self._authority = authority
        self._plays = plays
        self._scratch = scratch
        self._kept: OrderedDict[str, tuple[ssl.SSLContext, datetime.datetime]] = OrderedDict()
        self._judge = _new_context()
        self._judge.sni_callback = self._stop
        self._refused = True

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, host: str) -> ssl.SSLContext:
        """The context that proves to be `host`, unless the client names (SNI) another one.

        Raises ValueError for a host that is not played.
        """
        host = LOOPBACK[0] if host in LOOPBACK else host.lower()
        if not self._plays(host):
            raise ValueError(f"the host {host!r} is not played")
        kept = self._kept.get(host)
        if kept is not None and kept[1] - datetime.datetime.now(datetime.UTC) > _RENEW:
            self._kept.move_to_end(host)
            return kept[0]
        leaf = self._authority.issue(host)
        context = self._make(leaf)
        self._kept[host] = context, leaf.expires
        self._kept.move_to_end(host)
        while len(self._kept) > MAX_CONTEXTS:
            self._kept.popitem(last=False)
        return context

    def objection(self, hello: bytes) -> bytes:
        """The alert that answers a ClientHello of no TLS, or for a host that is not played.

        Empty when there is nothing against it so far. asyncio closes a connection whose handshake
        fails without sending the alert, and the client would not learn why.
        """
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(hello)
        self._refused = True
        try:
            self._judge.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError:
            return outgoing.read() if self._refused else b""
        return b""

    def _stop(self, _: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int:
        """End the judge's handshake before its costly part; `_refused` says what that means."""
        self._refused = name is not None and not self._plays(name)
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def _make(self, leaf: Leaf) -> ssl.SSLContext:
        context = _new_context()
        context.sni_callback = self._select
        # The library reads certificates from files only; this one is its owner's and gone at once.
        with tempfile.NamedTemporaryFile(dir=self._scratch, prefix="leaf-") as file:
            file.write(leaf.pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _select(
        self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        if name is None:
            return None
        try:
            connection.context = self.of(name)
        except ValueError:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        # An exception has nowhere to go from here but into the library, which prints it.
        except Exception:  # noqa: BLE001
            _log.exception("no certificate could be made for %r", name[:255])
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
