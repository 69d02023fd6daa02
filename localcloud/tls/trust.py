"""What clients trust: our authority's certificate alone, and together with the public roots."""

from __future__ import annotations

from pathlib import Path

import certifi

from localcloud.config import Trust
from localcloud.tls import AuthorityError
from localcloud.tls.authority import Authority, write_whole


def publish(authority: Authority, folder: Path) -> Trust:
    """Write `ca.pem` and `bundle.pem` in `folder`. Raises `AuthorityError`.

    The bundle has the public roots too: the variables that name it replace a client's own list.
    """
    trust = Trust((folder / "ca.pem").resolve(), (folder / "bundle.pem").resolve())
    try:
        roots = Path(certifi.where()).read_bytes()
        bundle = b"# The local cloud's own authority\n" + authority.certificate + b"\n" + roots
        for path, content in ((trust.authority, authority.certificate), (trust.bundle, bundle)):
            # A client may be reading it: what is right already stays as it is.
            if not path.is_file() or path.read_bytes() != content:
                write_whole(path, content, 0o644)
    except OSError as error:
        raise AuthorityError(
            f"{folder} cannot hold the certificates: {error.strerror or error}"
        ) from None
    return trust
