"""What a local cloud is started with, and the environment that leads a program to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.identity.users import User

OWNER_APPID = "1250000000"
OWNER_UIN = "100000000001"  # of the main account that the cloud belongs to
DEFAULT_BUCKET = f"examplebucket-{OWNER_APPID}"
DEFAULT_REGION = "ap-guangzhou"
# Public on purpose: they open nothing but a cloud on loopback.
DEFAULT_SECRET_ID = "AKIDlocalcloud"  # noqa: S105
DEFAULT_SECRET_KEY = "localcloud-secret-key"  # noqa: S105
DEFAULT_PORT = 9000
DEFAULT_DATA = Path(".localcloud")


def _from_environment(name: str, default: str) -> str:
    return os.environ.get(name) or default


@dataclass(frozen=True)
class Trust:
    """What clients need for HTTPS, as PEM files: our `authority` alone, and in a `bundle` with the
    public roots."""

    authority: Path
    bundle: Path


@dataclass(frozen=True)
class Config:
    """The settings of one local cloud. `port` 0 means any free one; `buckets` are `name-appid`.

    `storage` is "directory", in `data`, or an S3 store as `s3://bucket/prefix` at `s3_endpoint`.
    With `sync` each write reaches the disk before it is answered; without `cache` each download is
    processed anew; `trust` is there when the cloud speaks HTTPS too; `users` are further keys
    beside the main account's; `callbacks` are the origins, on loopback, that the end of CI's jobs
    may be told to; `audit_policy` is the file that decides audits in advance; `ci_rate` is how many
    persistent processing requests a second CI takes, 0 for any number.
    """

    port: int = 0
    data: Path = DEFAULT_DATA
    buckets: tuple[str, ...] = (DEFAULT_BUCKET,)
    region: str = DEFAULT_REGION
    secret_id: str = field(
        default_factory=lambda: _from_environment("LOCALCLOUD_SECRET_ID", DEFAULT_SECRET_ID)
    )
    secret_key: str = field(
        default_factory=lambda: _from_environment("LOCALCLOUD_SECRET_KEY", DEFAULT_SECRET_KEY),
        repr=False,
    )
    functions: bool = True
    host: str = "127.0.0.1"
    storage: str = "directory"
    s3_endpoint: str | None = None
    sync: bool = False
    cache: bool = True
    trust: Trust | None = None
    users: tuple[User, ...] = ()
    callbacks: tuple[str, ...] = ()
    ci_rate: float = 0.0
    audit_policy: Path | None = None

    @property
    def appid(self) -> str:
        """The account's appid: the end of its buckets' names."""
        return self.buckets[0].rpartition("-")[2]


def client_environment(endpoint: str, config: Config) -> dict[str, str]:
    """The variables that make the unmodified SDK talk to the local cloud at `endpoint`."""
    https = {} if config.trust is None else _https_environment(endpoint, config.trust)
    return {
        "HTTP_PROXY": endpoint,
        "http_proxy": endpoint,
        "NO_PROXY": "",
        "no_proxy": "",
        "COS_SCHEME": "http",
        "COS_REGION": config.region,
        "COS_BUCKET": config.buckets[0],
        "COS_SECRET_ID": config.secret_id,
        "COS_SECRET_KEY": config.secret_key,
        **https,
    }


def _https_environment(endpoint: str, trust: Trust) -> dict[str, str]:
    bundle = str(trust.bundle)
    return {
        "HTTPS_PROXY": endpoint,
        "https_proxy": endpoint,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": str(trust.authority),  # Node adds it to its own roots
        "NODE_USE_ENV_PROXY": "1",  # Node looks at the proxy variables only when told to
    }
