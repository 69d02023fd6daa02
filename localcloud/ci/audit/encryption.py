"""`Encryption`: content that its owner encrypted before the upload, with AES and a key that comes
with the request (vendor's page 436/63593). The nine algorithms have no padding."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from localcloud.ci.audit.errors import INVALID_ARGUMENT, AuditError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

_ALGORITHM = re.compile(r"aes-(256|192|128)-(ctr|cfb|ofb)", re.IGNORECASE)
_IV_BYTES = 16


def decrypted(chunks: Iterable[bytes], encryption: Mapping[str, str]) -> Iterator[bytes]:
    """The plain pieces. Raises AuditError InvalidArgument for parameters that are wrong.

    A wrong key cannot be told: what comes out is then no picture or text.
    """
    context = _context(encryption)
    for chunk in chunks:
        yield context.update(chunk)
    yield context.finalize()


def check(encryption: Mapping[str, str]) -> None:
    """Raises AuditError InvalidArgument for parameters that are wrong."""
    _context(encryption)


def _context(encryption: Mapping[str, str]) -> CipherContext:
    # Costs 10 ms and some memory, which who never encrypts saves.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB, OFB
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    name = encryption.get("Algorithm", "")
    match = _ALGORITHM.fullmatch(name)
    if match is None:
        raise _illegal("Algorithm", f"{name[:50]!r}: aes-256|192|128-ctr|cfb|ofb is expected")
    if encryption.get("KeyType", "0") != "0":
        raise _illegal("KeyType", "not 0: the local cloud has no RSA key that opens others")
    size = int(match[1]) // 8
    key = _base64("Key", encryption, size)
    iv = _base64("IV", encryption, _IV_BYTES)
    mode = {"ctr": CTR, "cfb": CFB, "ofb": OFB}[match[2].lower()]
    return Cipher(AES(key), mode(iv)).decryptor()


def _base64(name: str, encryption: Mapping[str, str], size: int) -> bytes:
    try:
        value = base64.b64decode(encryption.get(name, ""), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != size:
        # Never the value: it may be a key.
        raise _illegal(name, f"not the base64 of {size} bytes")
    return value


def _illegal(name: str, said: str) -> AuditError:
    return AuditError(INVALID_ARGUMENT, f"Param Encryption.{name} is illegal: it is {said}")
