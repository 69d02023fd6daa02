"""Referer lists: which pages may use a bucket's objects (`?referer` on the cos host).

https://cloud.tencent.com/document/product/436/32492. CI's hotlink protection is another setting, of
the pic host (`localcloud/ci/protection.py`). Both look at strangers only: a signed request passes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from localcloud.cloud import Cloud
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, maybe, one, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request

MAX_DOMAINS = 60
_WHITE, _BLACK = "White-List", "Black-List"

SETTING = stored.Setting(
    "referer",
    "RefererConfiguration",
    {
        "Status": one(word("Enabled", "Disabled")),
        "RefererType": one(word(_WHITE, _BLACK)),
        "DomainList": one({"Domain": some(text(255, 1), MAX_DOMAINS)}),
        "EmptyReferConfiguration": maybe(word("Allow", "Deny")),
    },
    removable=False,
    clears=True,
)


def check(cloud: Cloud, request: Request) -> None:
    """Raises `ServiceError` AccessDenied for a stranger's download that the lists do not let in."""
    if request.secret_id is not None:
        return
    root = stored.find(cloud, request.bucket, SETTING.name)
    if root is None or content(root, "Status") != "Enabled":
        return
    referer = request.headers.get("Referer", "").strip()
    if not referer:
        admitted = content(root, "EmptyReferConfiguration", "Deny") == "Allow"
    else:
        address = referer.partition("://")[2] or referer
        listed = any(_pattern(node.text or "").match(address) for node in root.iter("Domain"))
        admitted = listed is (content(root, "RefererType") == _WHITE)
    if not admitted:
        raise ServiceError("AccessDenied", "You are denied by bucket referer rule")


@lru_cache(maxsize=1024)
def _pattern(domain: str) -> re.Pattern[str]:
    """A domain covers all addresses that begin with it; `*` stands for what has no slash in it."""
    name = domain.strip().partition("://")[2] or domain.strip()
    return re.compile("[^/]*".join(map(re.escape, name.split("*"))), re.IGNORECASE)
