"""HTTPS: a certificate authority of our own, certificates on demand, and the door they are for.

Only `authority` needs the library for certificates: a cloud without TLS starts without it.
"""

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # one certificate is good for all of them


class AuthorityError(RuntimeError):
    """The folder cannot hold the authority; the message says why."""
