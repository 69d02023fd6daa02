"""STS as the unmodified client sees it, and each refusal with its code."""

import json
import time

import pytest
import requests
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.sts.v20180813 import models

from localcloud.config import DEFAULT_BUCKET
from tests.localcloud.identity.conftest import (
    OTHER,
    OWNER,
    READER,
    allow,
    federation_request,
    outcome,
    sts_client,
)

HOST = "sts.tencentcloudapi.com"
EVERYTHING = allow("*")
BROKEN = "TC3-HMAC-SHA256 Credential=a,SignedHeaders=b,Signature=c"


def code_of(call, *arguments):
    with pytest.raises(TencentCloudSDKException) as caught:
        call(*arguments)
    assert caught.value.get_request_id()
    return caught.value.get_code()


def role_request(**fields):
    request = models.AssumeRoleRequest()
    request.RoleArn = f"qcs::cam::uin/{OWNER}:roleName/worker"
    request.RoleSessionName = "session"
    for name, value in fields.items():
        setattr(request, name, value)
    return request


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"])
def test_every_signature_of_the_client(people, method, sign):
    client = sts_client(people.url, reqMethod=method, signMethod=sign, language="en-US")
    issued = client.GetFederationToken(federation_request(EVERYTHING, DurationSeconds=900))
    assert issued.ExpiredTime - time.time() == pytest.approx(900, abs=30)
    assert issued.Expiration.endswith("Z")
    made = issued.Credentials
    cos = people.client(SecretId=made.TmpSecretId, SecretKey=made.TmpSecretKey, Token=made.Token)
    assert outcome(cos.list_objects, Bucket=DEFAULT_BUCKET) == "done"


def test_a_payload_that_is_not_signed(people):
    client = sts_client(people.url, unsigned_payload=True)
    assert client.GetFederationToken(federation_request(EVERYTHING)).Credentials.Token


def test_the_host_of_a_region(people):
    client = sts_client(people.url, endpoint="sts.ap-guangzhou.tencentcloudapi.com")
    assert client.GetCallerIdentity(models.GetCallerIdentityRequest()).AccountId == OWNER


def test_who_am_i(people):
    ask = models.GetCallerIdentityRequest
    own = sts_client(people.url)
    me = own.GetCallerIdentity(ask())
    assert (me.Type, me.UserId, me.PrincipalId) == ("CAMUser", OWNER, OWNER)
    sub = sts_client(people.url, "AKIDreader", "reader-key").GetCallerIdentity(ask())
    assert sub.Arn == f"qcs::cam::uin/{OWNER}:uin/{READER}"
    made = own.AssumeRole(role_request()).Credentials
    role = sts_client(people.url, made.TmpSecretId, made.TmpSecretKey, made.Token)
    me = role.GetCallerIdentity(ask())
    assert (me.Type, me.UserId) == ("CAMRole", "worker:session")
    assert me.Arn == f"qcs::sts:{OWNER}:assumed-role/worker/session"


def test_the_policy_may_be_plain_json(people):
    client = sts_client(people.url)
    assert client.GetFederationToken(federation_request(json.dumps(EVERYTHING))).Credentials


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"policy": ""}, "MissingParameter"),
        ({"policy": "{"}, "InvalidParameter.StrategyFormatError"),
        ({"policy": "%7B%22"}, "InvalidParameter.StrategyFormatError"),
        ({"policy": "[" * 5000}, "InvalidParameter.StrategyFormatError"),
        ({"policy": allow("PutObject")}, "InvalidParameter.StrategyFormatError"),
        ({"policy": allow("*", principal="*")}, "InvalidParameter.StrategyFormatError"),
        ({"policy": allow("cos:" + "a" * 7000)}, "InvalidParameter.PolicyTooLong"),
        ({"policy": "%" * 100_000}, "InvalidParameter.PolicyTooLong"),
        ({"DurationSeconds": 7201}, "InvalidParameter.OverTimeError"),
        ({"DurationSeconds": 0}, "InvalidParameter.ParamError"),
        ({"DurationSeconds": "1h"}, "InvalidParameter.ParamError"),
        ({"Name": "no spaces"}, "InvalidParameter.ParamError"),
        ({"Name": None}, "MissingParameter"),
    ],
)
def test_parameters_of_get_federation_token(people, fields, code):
    policy = fields.pop("policy", EVERYTHING)
    request = federation_request(policy, **fields)
    assert code_of(sts_client(people.url).GetFederationToken, request) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"RoleArn": "worker"}, "InvalidParameter.ParamError"),
        ({"RoleArn": f"qcs::cam::uin/{OTHER}:roleName/worker"}, "UnauthorizedOperation"),
        ({"RoleSessionName": "x"}, "InvalidParameter.ParamError"),
        ({"DurationSeconds": 43_201}, "InvalidParameter.OverTimeError"),
        ({"Policy": "{}"}, "InvalidParameter.StrategyFormatError"),
    ],
)
def test_parameters_of_assume_role(people, fields, code):
    assert code_of(sts_client(people.url).AssumeRole, role_request(**fields)) == code


def test_a_user_needs_permission(people):
    sub = sts_client(people.url, "AKIDsub", "sub-key")
    assert code_of(sub.AssumeRole, role_request()) == "UnauthorizedOperation"
    request = federation_request(EVERYTHING)
    assert code_of(sub.GetFederationToken, request) == "UnauthorizedOperation"
    reader = sts_client(people.url, "AKIDreader", "reader-key")
    request = federation_request(EVERYTHING, DurationSeconds=129_600)
    assert reader.GetFederationToken(request).Credentials


def test_temporary_keys_beget_no_wider_ones(people):
    made = sts_client(people.url).GetFederationToken(federation_request(allow("cos:GetObject")))
    key = made.Credentials
    narrow = sts_client(people.url, key.TmpSecretId, key.TmpSecretKey, key.Token)
    request = federation_request(EVERYTHING)
    assert code_of(narrow.GetFederationToken, request) == "InvalidParameter.AccessKeyNotSupport"
    assert code_of(narrow.AssumeRole, role_request()) == "UnauthorizedOperation"


@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA256"])
def test_keys_that_are_refused(people, sign):
    ask = models.GetCallerIdentityRequest()

    def code(*key):
        return code_of(sts_client(people.url, *key, signMethod=sign).GetCallerIdentity, ask)

    assert code("AKIDnobody", "x") == "AuthFailure.SecretIdNotFound"
    assert code(None, "wrong") == "AuthFailure.SignatureFailure"
    key = sts_client(people.url).AssumeRole(role_request(DurationSeconds=60)).Credentials
    assert code(key.TmpSecretId, key.TmpSecretKey) == "AuthFailure.TokenFailure"
    assert code(key.TmpSecretId, key.TmpSecretKey, "other") == "AuthFailure.TokenFailure"
    assert code(key.TmpSecretId, "wrong", key.Token) == "AuthFailure.SignatureFailure"


@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1"])
@pytest.mark.parametrize("shift", [-301, 301])
def test_a_clock_that_is_wrong(people, sign, shift, monkeypatch):
    moment = time.time() + shift
    monkeypatch.setattr("tencentcloud.common.abstract_client.time.time", lambda: moment)
    ask = models.GetCallerIdentityRequest()
    client = sts_client(people.url, signMethod=sign)
    assert code_of(client.GetCallerIdentity, ask) == "AuthFailure.SignatureExpire"


class TestRawRequests:
    @pytest.fixture
    def ask(self, people):
        def post(method="POST", host=HOST, **options):
            answer = requests.request(
                method, f"http://{host}/", proxies={"http": people.url}, timeout=20, **options
            )
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "application/json"
            document = answer.json()["Response"]
            assert document["RequestId"]
            return document["Error"]["Code"]

        return post

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({}, "AuthFailure.InvalidAuthorization"),
            ({"headers": {"Authorization": "TC3-HMAC-SHA256"}}, "AuthFailure.InvalidAuthorization"),
            ({"headers": {"Authorization": BROKEN}}, "AuthFailure.InvalidAuthorization"),
            ({"data": {"Signature": "x"}}, "AuthFailure.InvalidAuthorization"),
            (
                {"data": {"Signature": "x", "SignatureMethod": "md5"}},
                "AuthFailure.InvalidAuthorization",
            ),
            ({"data": b"x" * 10_485_761}, "RequestSizeLimitExceeded"),
            ({"method": "PUT"}, "UnsupportedProtocol"),
            ({"host": "cvm.tencentcloudapi.com"}, "NoSuchProduct"),
        ],
    )  # fmt: skip
    def test_refusals(self, ask, options, code):
        assert ask(**options) == code

    def test_unknown_actions_and_versions(self, people):
        client = sts_client(people.url)
        assert code_of(client.call_json, "GetApiKey", {}) == "InvalidAction"
        client._apiVersion = "2017-03-12"
        assert code_of(client.call_json, "GetCallerIdentity", {}) == "NoSuchVersion"

    def test_unknown_parameters(self, people):
        client = sts_client(people.url)
        for method in ("POST", "GET"):
            client = sts_client(people.url, reqMethod=method)
            call = client.call_json
            assert code_of(call, "GetCallerIdentity", {"Me": [{"A": 1}]}) == "UnknownParameter"

    def test_a_tampered_body(self, people):
        """The body counts: another policy than the one that was signed is refused."""
        seen = {}
        client = sts_client(people.url)
        send = client.request.send_request

        def capture(request):
            request.data = request.data.replace("tester", "intruder")
            seen["data"] = request.data
            return send(request)

        client.request.send_request = capture
        request = federation_request(EVERYTHING)
        assert code_of(client.GetFederationToken, request) == "AuthFailure.SignatureFailure"
        assert "intruder" in seen["data"]

    def test_no_secret_is_told(self, people):
        params = {
            "Signature": "x",
            "SecretId": "AKIDsub",
            "Nonce": 1,
            "Timestamp": int(time.time()),
        }
        answer = requests.get(
            f"http://{HOST}/", params=params, proxies={"http": people.url}, timeout=20
        )
        assert answer.json()["Response"]["Error"]["Code"] == "AuthFailure.SignatureFailure"
        assert "sub-key" not in answer.text
