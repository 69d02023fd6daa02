"""Clouds that moderate: by a policy file alone, and with the real engines."""

import base64
import hashlib
import io

import pytest
from PIL import Image
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from localcloud.config import Config
from tests.conftest import running_cloud


def picture(colour, format="PNG", size=(64, 64)):
    body = io.BytesIO()
    Image.new("RGB", size, colour).save(body, format)
    return body.getvalue()


BAD = picture((200, 10, 10))
POLICY = f"""
engines: none
biz_types:
  strict: {{scenes: [Porn, Ads, Terrorism]}}
rules:
  - sha256: {hashlib.sha256(BAD).hexdigest()}
    verdict: {{Porn: {{result: block, score: 96, label: SexBehavior}}, Ads: pass}}
  - url: "*/clean/*"
    verdict: pass
  - url: "*/broken/*"
    fail: -65007
  - kinds: [text]
    sha256: {hashlib.sha256(b"bad words").hexdigest()}
    verdict: {{Abuse: {{score: 80, keywords: [words]}}, Porn: pass, Ads: pass, Illegal: pass}}
  - kinds: [text]
    sha256: {hashlib.sha256(b"fine").hexdigest()}
    verdict: pass
"""
USERS = """[
  {"secret_id": "AKIDims", "secret_key": "key-ims", "uin": "100000000031",
   "policy": {"version": "2.0", "statement": [
     {"effect": "allow", "action": ["ims:ImageModeration"], "resource": "*"}]}}
]"""


def client(cloud, kind, secret_id=None, secret_key=None):
    """The unmodified client of a product, through the cloud as its proxy."""
    config = Config()
    http = HttpProfile(protocol="http", proxy=cloud.url.removeprefix("http://"))
    credential = Credential(secret_id or config.secret_id, secret_key or config.secret_key)
    return kind(credential, cloud.region, ClientProfile(httpProfile=http, language="en-US"))


@pytest.fixture(scope="session")
def decided(tmp_path_factory):
    """A cloud whose policy file decides every verdict."""
    folder = tmp_path_factory.mktemp("moderation")
    (folder / "policy.yml").write_text(POLICY)
    (folder / "users.json").write_text(USERS)
    options = ("--audit-policy", str(folder / "policy.yml"), "--users", str(folder / "users.json"))
    with running_cloud(folder, "--no-functions", *options) as running:
        yield running


def encoded(data):
    return base64.b64encode(data).decode()
