"""The cloud's own certificate authority: one file with key and certificate, made on first use.

Whoever trusts it trusts it for little: name constraints (RFC 5280 4.2.1.10) leave it the played
domains and loopback. The key is in a file that its owner alone can read, and nowhere else.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import ipaddress
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.tls import LOOPBACK, AuthorityError

DOMAINS = ("myqcloud.com", "tencentcos.cn", "tencentcloudapi.com", "tencentcs.com", "localhost")
NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
LIFE = datetime.timedelta(days=3650)
RENEW = datetime.timedelta(days=30)  # an authority with less than this left is replaced
LEAF_LIFE = datetime.timedelta(days=90)
_EARLIER = datetime.timedelta(days=1)  # the clock of a container or of a test may be behind ours
_MAX_FILE = 64 * 1024


class _UnusableError(ValueError):
    """What is in the file is no authority that can be used any longer."""


@dataclass(frozen=True)
class Leaf:
    """A certificate for one host with its private key, both as PEM, good until `expires`."""

    pem: bytes = field(repr=False)
    expires: datetime.datetime


class Authority:
    """Issues certificates for the hosts that the cloud plays."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key
        # One for all leaves of this process: it never outlives it.
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())

    @property
    def certificate(self) -> bytes:
        """The public part, as PEM: what clients have to trust."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, host: str) -> Leaf:
        """A certificate for `host`; those of loopback are good for all its names.

        The caller decides which hosts are played. Raises ValueError for text that is no host.
        """
        now = datetime.datetime.now(datetime.UTC)
        expires = min(now + LEAF_LIFE, self._certificate.not_valid_after_utc)
        names = LOOPBACK if host in LOOPBACK else (host,)
        issuer_key = self._key.public_key()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name("Local cloud"))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - _EARLIER, self._certificate.not_valid_before_utc))
            .not_valid_after(expires)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._leaf_key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return Leaf(_key_pem(self._leaf_key) + certificate.public_bytes(Encoding.PEM), expires)


def open_authority(folder: Path, log: Callable[[str], None]) -> Authority:
    """The authority kept in `folder`; made when there is none, or none that can be used.

    Several processes may do this at once: they get the same one. `log` is told of a replacement,
    because clients have to trust the new one. Raises `AuthorityError`.
    """
    path = folder / "authority.pem"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            try:
                return _load(path)
            except FileNotFoundError:
                pass
            except _UnusableError as reason:
                log(
                    f"{path}: {reason}; a new certificate authority takes its place: "
                    "start the programs that trusted the old one again"
                )
            authority, pem = _make()
            write_whole(path, pem, 0o600)
            return authority
    except OSError as error:
        raise AuthorityError(
            f"{folder} cannot hold the certificate authority: {error.strerror or error}"
        ) from None


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file that others see complete or not at all, with `mode` from its first byte on."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _load(path: Path) -> Authority:
    """Raises `_UnusableError`, and OSError with FileNotFoundError when there is none."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise _UnusableError("others could read the private key")
        content = file.read(_MAX_FILE)
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError):
        raise _UnusableError("it is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _UnusableError("its key is of another kind")
    if certificate.public_key() != key.public_key():
        raise _UnusableError("its certificate belongs to another key")
    try:
        certificate.verify_directly_issued_by(certificate)
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        raise _UnusableError("its certificate is not one of a local cloud") from None
    if constraints != _constraints():
        raise _UnusableError("it is made for other domains")
    now = datetime.datetime.now(datetime.UTC)
    if certificate.not_valid_after_utc - now < RENEW:
        raise _UnusableError(f"it expires on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        raise _UnusableError(f"it begins on {certificate.not_valid_before_utc:%Y-%m-%d}")
    return Authority(certificate, key)


def _make() -> tuple[Authority, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    # A name of its own: trust stores that meet two clouds must not take one for the other.
    name = _name(f"Local cloud authority {secrets.token_hex(4)}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(_constraints(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key), _key_pem(key) + certificate.public_bytes(Encoding.PEM)


def _constraints() -> x509.NameConstraints:
    permitted = [*map(x509.DNSName, DOMAINS), *map(x509.IPAddress, NETWORKS)]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
