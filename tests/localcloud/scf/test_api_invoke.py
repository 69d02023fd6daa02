"""Invoke, InvokeFunction, ListFunctions and GetFunction, as the unmodified client sees them."""

import json
import time

import pytest
from tencentcloud.scf.v20180416 import models

from tests.conftest import running_cloud
from tests.localcloud.scf.conftest import call, refusal, scf_client, write_project

HANDLER = """\
import json, os, time

def main_handler(event, context):
    print("hello", json.dumps(event))
    if event.get("fail"):
        raise ValueError("as asked")
    if event.get("write"):
        with open(event["write"], "a") as file:
            file.write(json.dumps({"event": event, "id": context["request_id"]}) + "\\n")
    return {"event": event, "name": context["function_name"]}
"""
# Invokes its neighbour with its own temporary keys, through the proxy that it is given.
CALLER = """\
import hashlib, hmac, http.client, json, os, time

def main_handler(event, context):
    host, now = "scf.tencentcloudapi.com", str(int(time.time()))
    body = json.dumps({"FunctionName": "demo-dev-app-echo", "InvocationType": event["type"],
                       "ClientContext": json.dumps(event["payload"])})
    date = time.strftime("%Y-%m-%d", time.gmtime(int(now)))
    sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
    canonical = "\\n".join(("POST", "/", "", f"content-type:application/json\\nhost:{host}\\n",
                           "content-type;host", sha(body)))
    scope = f"{date}/scf/tc3_request"
    key = ("TC3" + os.environ["TENCENTCLOUD_SECRETKEY"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = "\\n".join(("TC3-HMAC-SHA256", now, scope, sha(canonical)))
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    proxy = http.client.HTTPConnection(os.environ["HTTP_PROXY"].removeprefix("http://"))
    proxy.request("POST", f"http://{host}/", body, {
        "Host": host, "Content-Type": "application/json", "X-TC-Action": "Invoke",
        "X-TC-Version": "2018-04-16", "X-TC-Region": os.environ["TENCENTCLOUD_REGION"],
        "X-TC-Timestamp": now, "X-TC-Token": os.environ["TENCENTCLOUD_SESSIONTOKEN"],
        "Authorization": "TC3-HMAC-SHA256 Credential="
            f"{os.environ['TENCENTCLOUD_SECRETID']}/{scope}, "
            f"SignedHeaders=content-type;host, Signature={signature}"})
    return json.loads(proxy.getresponse().read())["Response"]
"""
FIELDS = """\
timeout: 20
description: says what it was told
environments:
  - {key: GREETING, value: hello}
"""
OWNER = "100000000001"
ECHO = "demo-dev-app-echo"
INVOKER = {
    "version": "2.0",
    "statement": [
        {
            "effect": "allow",
            "action": ["scf:InvokeFunction"],
            "resource": [
                f"qcs::scf:ap-guangzhou:uin/100000000001:namespace/default/function/{ECHO}"
            ],
        }
    ],
}
READER = {
    "version": "2.0",
    "statement": [{"effect": "allow", "action": ["scf:List*", "scf:Get*"], "resource": "*"}],
}
USERS = [
    {"secret_id": "AKIDinvoker", "secret_key": "k", "uin": "100000000021", "policy": INVOKER},
    {"secret_id": "AKIDreader", "secret_key": "k", "uin": "100000000022", "policy": READER},
    {"secret_id": "AKIDother", "secret_key": "k", "account": "200000000001", "appid": "1260000000"},
]


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """A served cloud with two functions, and other people."""
    folder = tmp_path_factory.mktemp("functions")
    write_project(folder, {"echo": HANDLER, "caller": CALLER}, fields=FIELDS)
    (folder / "users.json").write_text(json.dumps(USERS))
    options = ("--project", str(folder), "--users", str(folder / "users.json"))
    with running_cloud(folder, *options) as cloud:
        yield cloud


@pytest.fixture
def scf(functions):
    return scf_client(functions.url)


def lines(path, count):
    """The JSON lines of a file, once there are `count` of them."""
    deadline = time.monotonic() + 20
    while True:
        found = path.read_text().splitlines() if path.exists() else []
        if len(found) >= count:
            return [json.loads(line) for line in found]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_synchronous_invoke_answers_with_the_result(scf):
    answer = call(scf, "Invoke", FunctionName=ECHO, ClientContext='{"a": "猫"}', LogType="Tail")
    result = answer.Result
    assert json.loads(result.RetMsg) == {"event": {"a": "猫"}, "name": ECHO}
    assert (result.InvokeResult, result.ErrMsg) == (0, "")
    assert f"START RequestId: {result.FunctionRequestId}" in result.Log
    assert 'hello {"a": ' in result.Log
    assert result.BillDuration >= result.Duration > 0
    assert 1024 * 1024 <= result.MemUsage <= 128 * 1024 * 1024
    assert answer.RequestId != result.FunctionRequestId


@pytest.mark.parametrize("options", [{"reqMethod": "GET"}, {"signMethod": "HmacSHA256"}])
def test_other_ways_to_sign_and_send(functions, options):
    scf = scf_client(functions.url, endpoint="scf.ap-guangzhou.tencentcloudapi.com", **options)
    result = call(scf, "Invoke", FunctionName=ECHO, ClientContext='{"b": 1}').Result
    assert json.loads(result.RetMsg)["event"] == {"b": 1}
    assert result.Log == "", "no log unless it is asked for"


def test_invoke_function(scf):
    result = call(scf, "InvokeFunction", FunctionName=ECHO, Event='{"c": 2}').Result
    assert json.loads(result.RetMsg)["event"] == {"c": 2}
    result = call(scf, "InvokeFunction", FunctionName=ECHO, Qualifier="$DEFAULT").Result
    assert json.loads(result.RetMsg)["event"] == {}


def test_a_function_that_fails_is_a_result_too(scf):
    result = call(scf, "Invoke", FunctionName=ECHO, ClientContext='{"fail": 1}', LogType="Tail")
    error = json.loads(result.Result.ErrMsg)
    assert (error["errorCode"], error["statusCode"]) == (1, 430)
    assert "ValueError: as asked" in error["stackTrace"]
    assert (result.Result.InvokeResult, result.Result.RetMsg) == (1, "")
    assert "ValueError: as asked" in result.Result.Log


def test_an_asynchronous_invoke_answers_at_once_and_runs_with_the_same_id(scf, tmp_path):
    payload = {"write": str(tmp_path / "told"), "n": "猫"}
    result = call(
        scf, "Invoke", FunctionName=ECHO, InvocationType="Event", ClientContext=json.dumps(payload)
    ).Result
    assert (result.RetMsg, result.Log, result.Duration) == ("", "", 0)
    assert lines(tmp_path / "told", 1) == [{"event": payload, "id": result.FunctionRequestId}]


def test_a_function_invokes_another_with_its_own_keys(scf, tmp_path):
    payload = {"write": str(tmp_path / "told")}
    told = json.dumps({"type": "Event", "payload": payload})
    answer = call(scf, "Invoke", FunctionName="demo-dev-app-caller", ClientContext=told)
    inner = json.loads(answer.Result.RetMsg)
    assert lines(tmp_path / "told", 1)[0]["id"] == inner["Result"]["FunctionRequestId"]


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("ResourceNotFound.Function", {"FunctionName": "nobody"}),
        ("ResourceNotFound.Function", {"FunctionName": "echo"}),
        ("ResourceNotFound.Namespace", {"Namespace": "elsewhere"}),
        ("ResourceNotFound.Qualifier", {"Qualifier": "7"}),
        ("InvalidParameterValue.Param", {"ClientContext": "{no json"}),
        ("InvalidParameterValue.Param", {"ClientContext": "[" * 100_000}),
        ("InvalidParameterValue.InvokeType", {"InvocationType": "Later"}),
        ("InvalidParameterValue", {"LogType": "Head"}),
        ("InvalidParameterValue", {"RoutingKey": "[]"}),
        ("InvalidParameterValue", {"RoutingKey": json.dumps({"k": "v" * 1024})}),
        ("InvalidParameter", {"ClientContext": 7}),
        ("MissingParameter", {"FunctionName": None}),
        (
            "InvalidParameter.RequestTooLarge",
            {"InvocationType": "Event", "ClientContext": json.dumps("x" * 128 * 1024)},
        ),
        (
            "InvalidParameter.RequestTooLarge",
            {"ClientContext": json.dumps("x" * 6 * 1024 * 1024)},
        ),
    ],
)
def test_what_is_refused(scf, code, fields):
    assert refusal(scf, "Invoke", **{"FunctionName": ECHO, **fields}) == code


def test_the_largest_events_that_are_allowed(scf):
    payload = json.dumps({"x": "x" * (6 * 1024 * 1024 - 9)})
    assert len(payload) == 6 * 1024 * 1024
    error = call(scf, "InvokeFunction", FunctionName=ECHO, Event=payload).Result.ErrMsg
    assert json.loads(error)["statusCode"] == 407, "its own answer is larger than it may be"
    payload = json.dumps({"x": "x" * (128 * 1024 - 9)})
    fields = {"FunctionName": ECHO, "InvocationType": "Event", "ClientContext": payload}
    assert call(scf, "Invoke", **fields).Result.FunctionRequestId


def test_a_region_has_its_own_functions(functions):
    far = scf_client(functions.url, region="ap-shanghai")
    assert refusal(far, "Invoke", FunctionName=ECHO) == "ResourceNotFound.Function"
    assert call(far, "ListFunctions").TotalCount == 0
    assert refusal(scf_client(functions.url, region=""), "ListFunctions") == "MissingParameter"


def test_policies_decide_who_may(functions):
    invoker, reader, other = (
        scf_client(functions.url, f"AKID{name}", "k") for name in ("invoker", "reader", "other")
    )
    assert call(invoker, "Invoke", FunctionName=ECHO).Result.InvokeResult == 0
    denied = "UnauthorizedOperation.CAM"
    assert refusal(invoker, "Invoke", FunctionName="demo-dev-app-caller") == denied
    assert refusal(invoker, "ListFunctions") == denied
    assert call(reader, "ListFunctions").TotalCount == 2
    for action in ("Invoke", "InvokeFunction"):
        assert refusal(reader, action, FunctionName=ECHO) == denied
    assert refusal(other, "Invoke", FunctionName=ECHO) == denied


def test_a_wrong_signature_is_refused(functions):
    scf = scf_client(functions.url, secret_key="wrong")
    assert refusal(scf, "Invoke", FunctionName=ECHO) == "AuthFailure.SignatureFailure"


def names(answer):
    return [function.FunctionName for function in answer.Functions]


def test_functions_are_listed_found_and_paged(scf):
    everything = call(scf, "ListFunctions", Orderby="FunctionName", Order="ASC")
    assert names(everything) == ["demo-dev-app-caller", ECHO]
    backwards = call(scf, "ListFunctions", Orderby="FunctionName", Order="DESC", Limit=1)
    assert (names(backwards), backwards.TotalCount) == ([ECHO], 2)
    assert names(call(scf, "ListFunctions", Offset=2)) == []
    assert names(call(scf, "ListFunctions", SearchKey="cho")) == [ECHO]
    assert names(call(scf, "ListFunctions", Description="nothing like it")) == []
    assert names(call(scf, "ListFunctions", Namespace="other")) == []
    for fields, code in (
        ({"Limit": 101}, "InvalidParameterValue.Limit"),
        ({"Offset": -1}, "InvalidParameterValue.Offset"),
        ({"Order": "UP"}, "InvalidParameterValue.Order"),
        ({"Orderby": "Size"}, "InvalidParameterValue.OrderBy"),
    ):
        assert refusal(scf, "ListFunctions", **fields) == code


def test_a_function_is_described(scf):
    found = call(scf, "GetFunction", FunctionName=ECHO)
    assert (found.Handler, found.MemorySize, found.Timeout) == ("index.main_handler", 128, 20)
    assert (found.Runtime, found.Status, found.Namespace) == ("Python3.10", "Active", "default")
    [variable] = found.Environment.Variables
    assert (variable.Key, variable.Value) == ("GREETING", "hello")
    assert refusal(scf, "GetFunction", FunctionName="nobody") == "ResourceNotFound.Function"


def test_without_functions_there_are_none(cloud):
    scf = scf_client(cloud.url)
    assert call(scf, "ListFunctions").TotalCount == 0
    assert refusal(scf, "Invoke", FunctionName=ECHO) == "ResourceNotFound.Function"


def test_an_action_that_is_not_played_is_refused(scf):
    request = models.CreateNamespaceRequest()
    request.Namespace = "x"
    assert refusal(scf, "CreateNamespace", Namespace="x") == "InvalidAction"
