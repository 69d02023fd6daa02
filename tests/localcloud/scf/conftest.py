"""Tiny projects with functions of a few lines, run by the real host and the real worker."""

import textwrap

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from localcloud.config import Config

HEAD = """\
component: multi-scf
app: app
stage: dev
name: demo
inputs:
  runtime: Python3.10
"""


def uploads_wake(function):
    """The trigger by which uploads below uploads/ wake a function."""
    return f"""\
- type: cos
  function: {function}
  parameters:
    name: uploads
    bucket: ${{env:COS_BUCKET}}
    filter: {{prefix: uploads/}}
    events: cos:ObjectCreated:*
    enable: true
"""


def shipped(*functions, wakes, inputs="timeout: 30\n", triggers=""):
    """The text of a serverless.yml with functions of this repository; uploads wake `wakes`."""
    named = "".join(
        f"    {name}: {{src: ./functions/{name}, handler: index.main_handler}}\n"
        for name in functions
    )
    woken = textwrap.indent(uploads_wake(wakes) + triggers, "    ")
    return f"{HEAD}{textwrap.indent(inputs, '  ')}  functions:\n{named}  triggers:\n{woken}"


CALLBACK_URL = """\
- type: http
  function: callback
  parameters: {name: callback, authType: NONE}
"""


def write_project(root, functions, *, inputs="", fields="", triggers=""):
    """Write a project: `functions` maps a key to the source of its index.py.

    `fields` are those of every function, or a dict of the fields of each.
    """
    text = HEAD + textwrap.indent(textwrap.dedent(inputs), "  ") + "  functions:\n"
    for key, source in functions.items():
        folder = root / "functions" / key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.py").write_text(textwrap.dedent(source), "utf-8")
        text += f"    {key}:\n      src: ./functions/{key}\n      handler: index.main_handler\n"
        own = fields.get(key, "") if isinstance(fields, dict) else fields
        text += textwrap.indent(textwrap.dedent(own), "      ")
    if triggers:
        text += "  triggers:\n" + textwrap.indent(textwrap.dedent(triggers), "    ")
    (root / "serverless.yml").write_text(text, "utf-8")
    return root


@pytest.fixture
def make_project(tmp_path):
    """Write a project into the test's folder: see `write_project`."""

    def make(functions, **parts):
        return write_project(tmp_path, functions, **parts)

    return make


def scf_client(url, secret_id=None, secret_key=None, token=None, region="ap-guangzhou", **options):
    """The unmodified SCF client, through the cloud as its proxy."""
    http = HttpProfile(
        protocol="http", proxy=url.removeprefix("http://"),
        reqMethod=options.pop("reqMethod", "POST"), endpoint=options.pop("endpoint", None),
    )  # fmt: skip
    config = Config()
    credential = Credential(secret_id or config.secret_id, secret_key or config.secret_key, token)
    return ScfClient(credential, region, ClientProfile(httpProfile=http, **options))


def call(client, action, **fields):
    """Make a call with the client's own request class; the answer's model."""
    request = getattr(models, f"{action}Request")()
    request._deserialize(fields)
    return getattr(client, action)(request)


def refusal(client, action, **fields):
    """The code of the refusal that a call meets."""
    with pytest.raises(TencentCloudSDKException) as caught:
        call(client, action, **fields)
    assert caught.value.get_request_id()
    return caught.value.get_code()
