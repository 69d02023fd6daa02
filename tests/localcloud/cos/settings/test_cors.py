"""CORS as a browser meets it: preflights, and the headers of real answers."""

import pytest
import requests
from qcloud_cos import CosServiceError

RULES = [
    {
        "ID": "app",
        "AllowedOrigin": ["https://*.example.com", "http://localhost:3000"],
        "AllowedMethod": ["GET", "PUT"],
        "AllowedHeader": ["x-cos-meta-*", "Content-Type"],
        "ExposeHeader": ["ETag", "x-cos-request-id"],
        "MaxAgeSeconds": "600",
    },
    {"AllowedOrigin": ["*"], "AllowedMethod": ["HEAD"]},
]
APP = "https://app.example.com"


@pytest.fixture
def ruled(client, bucket):
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRule": RULES})
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    return bucket


@pytest.fixture
def browser(cloud):
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}

    def send(method, bucket, path="/k", **headers):
        url = f"http://{bucket}.cos.ap-guangzhou.myqcloud.com{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return session.request(method, url, headers=named, timeout=20)

    return send


def preflight(browser, bucket, origin, method, asked="", path="/k"):
    headers = {"Access_Control_Request_Method": method}
    if asked:
        headers["Access_Control_Request_Headers"] = asked
    return browser("OPTIONS", bucket, path, Origin=origin, **headers)


def test_a_preflight_that_is_allowed(browser, ruled):
    answer = preflight(browser, ruled, APP, "PUT", "content-type, x-cos-meta-author")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, x-cos-meta-author"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag,x-cos-request-id"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Origin" in answer.headers["Vary"]


def test_a_preflight_of_the_bucket_or_of_a_sub_resource(browser, ruled):
    for path in ("/", "/?cors", "/k?uploads"):
        assert preflight(browser, ruled, APP, "GET", path=path).status_code == 200


def test_the_rule_for_everybody(browser, ruled):
    answer = preflight(browser, ruled, "http://anybody.net", "HEAD")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("origin", "method", "asked"),
    [
        ("https://example.com", "PUT", ""),
        ("https://app.example.com.evil.net", "PUT", ""),
        ("http://localhost:3001", "GET", ""),
        (APP, "DELETE", ""),
        (APP, "PUT", "authorization"),
        (APP, "PUT", "x-cos-meta-a, authorization"),
    ],
)
def test_a_preflight_that_is_not(browser, ruled, origin, method, asked):
    answer = preflight(browser, ruled, origin, method, asked)
    assert (answer.status_code, "<Code>AccessForbidden<" in answer.text) == (403, True)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_preflights_without_rules_bucket_or_headers(browser, bucket, ruled):
    assert preflight(browser, "gone-1250000000", APP, "GET").status_code == 404
    assert browser("OPTIONS", ruled, Origin=APP).status_code == 400
    assert browser("OPTIONS", ruled, Access_Control_Request_Method="GET").status_code == 400


def test_a_bucket_without_rules(client, bucket, browser):
    assert preflight(browser, bucket, APP, "GET").status_code == 403
    assert "Access-Control-Allow-Origin" not in browser("GET", bucket, Origin=APP).headers


def test_real_answers(client, ruled, browser):
    url = client.get_presigned_url(Bucket=ruled, Key="k", Method="GET", SignHost=False)
    path = url.partition("myqcloud.com")[2]
    answer = browser("GET", ruled, path, Origin=APP)
    assert (answer.status_code, answer.content) == (200, b"x")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag,x-cos-request-id"
    assert "Access-Control-Allow-Origin" not in browser("GET", ruled, path).headers
    other = browser("GET", ruled, path, Origin="http://other.net")
    assert (other.status_code, "Access-Control-Allow-Origin" in other.headers) == (200, False)


def test_a_page_may_read_why_it_was_refused(browser, ruled):
    answer = browser("GET", ruled, Origin=APP)
    assert answer.status_code == 403
    assert answer.headers["Access-Control-Allow-Origin"] == APP


def test_what_would_break_a_header_is_not_repeated(client, bucket, talk):
    rules = [{"AllowedOrigin": ["http://*"], "AllowedMethod": ["GET"], "AllowedHeader": ["*"]}]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRule": rules})
    host = f"{bucket}.cos.ap-guangzhou.myqcloud.com"
    for origin, asked in (("http://\xff", "a"), ("http://a.com", "\xff"), ("http://a.com", "a")):
        lines = [
            "OPTIONS /k HTTP/1.1", f"Host: {host}", f"Origin: {origin}", "Connection: close",
            "Access-Control-Request-Method: GET", f"Access-Control-Request-Headers: {asked}",
        ]  # fmt: skip
        answer = talk("\r\n".join([*lines, "", ""]).encode("latin-1"))
        good = (origin, asked) == ("http://a.com", "a")
        assert answer.split(b" ", 2)[1] == (b"200" if good else b"403")


def rule(**changes):
    return [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"], **changes}]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (rule() * 101, "InvalidArgument"),
        (rule(AllowedOrigin=[]), "MalformedXML"),
        (rule(AllowedOrigin=["http://*.*.com"]), "InvalidArgument"),
        (rule(AllowedOrigin=[""]), "InvalidArgument"),
        (rule(AllowedMethod=["PATCH"]), "MalformedXML"),
        (rule(AllowedMethod=["get", {"nested": "GET"}]), "MalformedXML"),
        (rule(MaxAgeSeconds="soon"), "MalformedXML"),
        (rule(MaxAgeSeconds=[1, 2]), "MalformedXML"),
        (rule(ID="x" * 256), "InvalidArgument"),
        (rule(ExposeHeader=["ETag\nSet-Cookie: a=b"]), "InvalidArgument"),
        (rule(AllowedOrigin=["http://a.com\n"] * 2 + ["http://a\n.com"]), "InvalidArgument"),
        ([], "MalformedXML"),
    ],
)
def test_rules_that_are_refused(client, bucket, rules, code):
    with pytest.raises(CosServiceError) as caught:
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRule": rules})
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)
    assert "CORSRule" in caught.value.get_error_msg()
