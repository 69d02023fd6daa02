"""Function URLs and API gateway routes of a served cloud: events in, answers out."""

import base64
import json

import pytest
import requests

from localcloud.scf.serverless import load
from shared.errors import ConfigError
from tests.conftest import running_cloud
from tests.localcloud.scf.conftest import write_project

HANDLER = """\
import base64, json, time

def main_handler(event, context):
    do = event["queryString"].get("do", "")
    if do == "fail":
        raise ValueError("as asked")
    if do == "slow":
        time.sleep(60)
    if do == "plain":
        return {"just": "a value"}
    if do == "bytes":
        return {"statusCode": 200, "isBase64Encoded": True, "headers": {"Content-Type": "image/x"},
                "body": base64.b64encode(bytes(range(256))).decode()}
    if do == "bad":
        return json.loads(event["body"])
    return {"statusCode": 201, "headers": {"X-Own": "1", "Content-Type": "application/json"},
            "body": json.dumps(event)}
"""
TRIGGERS = """\
- type: http
  function: callback
  parameters: {authType: NONE}
- type: apigw
  parameters:
    id: service-abcdefgh
    apis:
      - {path: /, method: ANY, function: gate}
      - {path: '/users/{uid}', method: GET, function: gate, serviceTimeout: 1}
      - {path: /users/me, method: GET, function: other}
- type: http
  function: signed
  parameters: {authType: CAM}
"""
GATE = "service-abcdefgh-1250000000.ap-guangzhou.apigw.tencentcs.com"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http")
    sources = dict.fromkeys(("callback", "gate", "other", "signed"), HANDLER)
    fields = {"callback": "timeout: 2\n", "gate": "timeout: 5\n"}
    write_project(folder, sources, fields=fields, triggers=TRIGGERS)
    with running_cloud(folder, "--project", str(folder)) as cloud:
        cloud.project = load(folder, {})
        yield cloud


@pytest.fixture
def ask(served):
    """Plain requests, by a local path or (through the proxy) by a real host name."""

    def send(method, path, *, host=None, **options):
        session = requests.Session()
        session.trust_env = False
        if host:
            session.proxies = {"http": served.url}
        url = f"http://{host}{path}" if host else served.url + path
        return session.request(method, url, timeout=30, **options)

    return send


def test_a_function_url_hands_over_the_request(ask):
    answer = ask(
        "POST", "/_scf/callback/a/%E5%9B%BE%20b?x=1&y=%E5%9B%BE", data='{"job": "猫"}'.encode(),
        headers={"X-Signature": "s", "Content-Type": "application/json"},
    )  # fmt: skip
    assert (answer.status_code, answer.headers["X-Own"]) == (201, "1")
    assert answer.headers["X-Scf-Status"] == "200"
    event = answer.json()
    assert set(event) == {"body", "headers", "httpMethod", "path", "queryString"}
    assert event["body"] == '{"job": "猫"}'
    assert event["headers"]["x-signature"] == "s"
    assert event["httpMethod"] == "POST"
    assert event["path"] == "/a/%E5%9B%BE%20b"
    assert event["queryString"] == {"x": "1", "y": "图"}


def test_a_function_url_has_the_services_host(served, ask):
    [route] = [route for route in served.project.routes if route.function == "callback"]
    assert route.host.startswith("1250000000-")
    assert route.host.endswith("-ap-guangzhou")
    answer = ask("GET", "/deep/path", host=f"{route.host}.scf.tencentcs.com")
    assert answer.json()["path"] == "/deep/path"
    assert (
        ask("GET", "/", host="1250000000-nobody-ap-guangzhou.scf.tencentcs.com").status_code == 404
    )


def test_what_is_no_http_answer_is_guessed(ask):
    answer = ask("GET", "/_scf/callback/?do=plain")
    assert (answer.status_code, answer.json()) == (200, {"just": "a value"})
    assert answer.headers["Content-Type"] == "application/json"


def test_bytes_travel_as_base64(ask):
    answer = ask("GET", "/_scf/callback?do=bytes")
    assert (answer.content, answer.headers["Content-Type"]) == (bytes(range(256)), "image/x")
    event = ask("POST", "/_scf/callback/", data=b"\xff\xfe").json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\xfe"


def test_a_failure_shows_as_scfs_status(ask):
    answer = ask("GET", "/_scf/callback/?do=fail")
    assert (answer.status_code, answer.headers["X-Scf-Status"]) == (430, "430")
    assert answer.json()["errorMessage"] == "user code exception caught"
    slow = ask("GET", "/_scf/callback/?do=slow")
    assert slow.status_code == 433
    assert slow.json()["errorMessage"] == "Invoking task timed out after 2 seconds"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ({"statusCode": 99}, "200 to 599"),
        ({"statusCode": "200"}, "200 to 599"),
        ({"statusCode": True}, "200 to 599"),
        ({"statusCode": 200, "headers": ["x"]}, "headers must be an object"),
        ({"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}}, "'X' cannot be sent"),
        ({"statusCode": 200, "headers": {"X Y": "a"}}, "'X Y' cannot be sent"),
        ({"statusCode": 200, "isBase64Encoded": True, "body": "%"}, "no Base64"),
    ],
)
def test_answers_that_cannot_be_sent(ask, returned, said):
    answer = ask("POST", "/_scf/callback/?do=bad", data=json.dumps(returned))
    assert answer.status_code == 502
    assert said in answer.json()["error"]


def test_headers_of_the_connection_are_not_the_functions(ask):
    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked", "Set-Cookie": ["a=1", "b=2"]}
    returned = {"statusCode": 404, "headers": headers, "body": {"not": "text"}}
    answer = ask("POST", "/_scf/callback/?do=bad", data=json.dumps(returned))
    assert (answer.status_code, answer.json()) == (404, {"not": "text"})
    assert answer.headers["Set-Cookie"] == "a=1, b=2"


def test_a_body_has_a_limit(ask):
    assert ask("POST", "/_scf/callback/", data=b"x" * (6 * 1024 * 1024 + 1)).status_code == 413


def test_an_api_gateway_route_has_its_own_event(ask):
    event = ask("GET", "/release/users/7%2F8?a=b", host=GATE, headers={"X-Own": "1"}).json()
    assert event["path"] == "/users/7%2F8"
    assert event["pathParameters"] == {"uid": "7/8"}
    assert event["queryString"] == {"a": "b"}
    assert event["stageVariables"] == {"stage": "release"}
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["serviceId"], context["path"]) == ("service-abcdefgh", "/users/{uid}")
    assert (context["stage"], context["sourceIp"]) == ("release", "127.0.0.1")


def test_the_most_exact_route_is_taken(ask):
    assert ask("GET", "/release/users/me", host=GATE).json()["path"] == "/users/me"
    assert ask("POST", "/release/users/me", host=GATE).json()["requestContext"]["path"] == "/"
    assert ask("GET", "/_scf/gate/users/9").json()["pathParameters"] == {"uid": "9"}
    assert ask("GET", "/_scf/other/users/9").status_code == 404
    assert ask("GET", "/test/users/9", host=GATE).status_code == 404


def test_an_api_gateway_answers_in_its_own_way(ask):
    answer = ask("GET", "/_scf/gate/?do=plain")
    assert answer.status_code == 502
    assert "Invalid scf response format" in answer.json()["error"]
    failed = ask("GET", "/_scf/gate/?do=fail")
    assert (failed.status_code, failed.json()["statusCode"]) == (200, 430)
    late = ask("GET", "/_scf/gate/users/1?do=slow")
    assert late.status_code == 504
    assert "longer than 1 seconds" in late.json()["error"]


@pytest.mark.parametrize("path", ["/_scf/", "/_scf/nobody/", "/_scf/signed/", "/_scf"])
def test_what_has_no_address(ask, path):
    assert ask("GET", path).status_code == 404


def test_addresses_are_said_at_the_start(served):
    log = served.log.read_text()
    assert "trigger callback <- http ANY /_scf/callback/" in log
    assert "trigger gate <- apigw GET /_scf/gate/users/{uid}" in log
    assert "function URL for signed callers (CAM) is not played here" in log


def test_a_cloud_without_functions_has_no_addresses(cloud):
    assert requests.get(f"{cloud.url}/_scf/callback/", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("authType: NONE", "authType: SOME", "NONE or CAM is expected"),
        ("method: ANY", "method: FETCH", "one of ANY, GET"),
        ("path: /,", "path: x,", "a path such as /callback"),
        ("function: gate}", "function: nobody}", "is 'nobody': one of"),
        ("serviceTimeout: 1", "serviceTimeout: 0", "1 to 1800 seconds"),
    ],
)
def test_what_is_refused(make_project, old, new, said):
    sources = dict.fromkeys(("callback", "gate", "other", "signed"), HANDLER)
    with pytest.raises(ConfigError) as caught:
        load(make_project(sources, triggers=TRIGGERS.replace(old, new, 1)), {})
    assert said in str(caught.value)


def test_a_function_url_is_reached_by_https(make_project, start_cloud):
    triggers = "- type: http\n  function: callback\n  parameters: {authType: NONE}\n"
    root = make_project({"callback": HANDLER}, fields="timeout: 20\n", triggers=triggers)
    [route] = load(root, {}).routes
    with start_cloud("--project", str(root), "--tls") as cloud:
        answer = requests.get(
            f"https://{route.host}.scf.tencentcs.com/x",
            proxies={"https": cloud.url},
            verify=str(cloud.data / "tls" / "ca.pem"),
            timeout=30,
        )
    assert answer.json()["path"] == "/x"
