"""Callbacks to the functions that this very cloud runs: they leave no machine, so they may go.

A function URL or an API gateway's address stands for the same function at `/_scf/<function>/` of
this cloud, which is where the callback is sent.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from localcloud.addressing import FUNCTIONS, plays
from localcloud.cloud import Cloud
from localcloud.scf.routes import Route

_SCHEMES = ("http", "https")


def address(cloud: Cloud, url: str) -> str | None:
    """Where on loopback the function answers that `url` leads to; None if none of ours does."""
    host = cloud.functions
    if host is None:
        return None
    try:
        parts = urlsplit(url)
        name = (parts.hostname or "").lower()
    except ValueError:
        return None
    query = f"?{parts.query}" if parts.query else ""
    for route in host.project.routes:
        path = ""
        if f"{parts.scheme}://{parts.netloc}" == host.endpoint:
            path = _below(route, parts.path)
        elif parts.scheme in _SCHEMES and plays(name) and route.host == name.partition(".")[0]:
            path = _behind(route, parts.path)
        if path:
            return f"{host.endpoint}/{FUNCTIONS}/{route.function}{path}{query}"
    return None


def shown(url: str) -> str:
    """An address as a log may show it: a callback's path can hold a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return f"{parts.scheme}://{parts.netloc}/..." if parts.path.strip("/") else url


def _behind(route: Route, path: str) -> str:
    """The path without the stage that a gateway puts in front; empty for another stage's."""
    if not route.stage:
        return path or "/"
    stage, _, rest = path.lstrip("/").partition("/")
    return f"/{rest}" if stage == route.stage else ""


def _below(route: Route, path: str) -> str:
    """The path as the function sees it, of an address on this machine; empty for another's."""
    start = f"/{FUNCTIONS}/{route.function}"
    return (path[len(start) :] or "/") if f"{path}/".startswith(f"{start}/") else ""
