"""A cloud with other people in it, and the clients that ask for temporary credentials."""

import json
import urllib.parse

import pytest
from qcloud_cos import CosServiceError
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sts.v20180813 import models
from tencentcloud.sts.v20180813.sts_client import StsClient

from localcloud.config import Config
from tests.conftest import running_cloud

OWNER = "100000000001"
SUB, READER, OTHER, OTHER_SUB = "100000000011", "100000000012", "200000000001", "200000000011"
USERS = [
    {"secret_id": "AKIDsub", "secret_key": "sub-key", "uin": SUB},
    {
        "secret_id": "AKIDreader",
        "secret_key": "reader-key",
        "uin": READER,
        "policy": {
            "version": "2.0",
            "statement": [
                {
                    "effect": "allow",
                    "action": ["name/cos:Get*", "name/cos:HeadObject", "name/sts:*"],
                    "resource": "*",
                }
            ],
        },
    },
    {"secret_id": "AKIDother", "secret_key": "other-key", "account": OTHER, "appid": "1260000000"},
    {
        "secret_id": "AKIDothersub",
        "secret_key": "othersub-key",
        "account": OTHER,
        "appid": "1260000000",
        "uin": OTHER_SUB,
    },
]


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """A served cloud that knows `USERS` beside its own account."""
    folder = tmp_path_factory.mktemp("people")
    file = folder / "users.json"
    file.write_text(json.dumps(USERS))
    with running_cloud(folder, "--no-functions", "--users", str(file)) as running:
        yield running


@pytest.fixture
def client_of(people):
    """The SDK with somebody's permanent key: `client_of("sub")`."""

    def make(name):
        return people.client(SecretId=f"AKID{name}", SecretKey=f"{name}-key")

    return make


def sts_client(url, secret_id=None, secret_key=None, token=None, unsigned_payload=False, **options):
    """The unmodified STS client, through the cloud as its proxy."""
    http = HttpProfile(
        protocol="http", proxy=url.removeprefix("http://"),
        reqMethod=options.pop("reqMethod", "POST"), endpoint=options.pop("endpoint", None),
    )  # fmt: skip
    config = Config()
    credential = Credential(secret_id or config.secret_id, secret_key or config.secret_key, token)
    profile = ClientProfile(httpProfile=http, **options)
    profile.unsignedPayload = unsigned_payload
    return StsClient(credential, "ap-guangzhou", profile)


def federation_request(policy, **fields):
    request = models.GetFederationTokenRequest()
    request.Name = fields.get("Name", "tester")
    request.Policy = policy if isinstance(policy, str) else urllib.parse.quote(json.dumps(policy))
    request.DurationSeconds = fields.get("DurationSeconds", 600)
    return request


def allow(*actions, resource="*", **more):
    """A policy of one statement."""
    statement = {"effect": "allow", "action": list(actions), "resource": resource, **more}
    return {"version": "2.0", "statement": [statement]}


@pytest.fixture
def temporary(people):
    """The SDK with temporary credentials that have a policy."""

    def make(policy, **sender):
        sts = sts_client(people.url, **sender)
        issued = sts.GetFederationToken(federation_request(policy)).Credentials
        return people.client(
            SecretId=issued.TmpSecretId, SecretKey=issued.TmpSecretKey, Token=issued.Token
        )

    return make


def outcome(call, *arguments, **options):
    """`done`, or the code of the service's refusal."""
    try:
        call(*arguments, **options)
    except CosServiceError as error:
        return error.get_error_code() or str(error.get_status_code())
    return "done"
