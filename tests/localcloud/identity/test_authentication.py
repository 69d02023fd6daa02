"""Signatures at the door: header and link; missing, unknown, wrong, tampered, early and late."""

import re
import time

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

from localcloud.config import DEFAULT_BUCKET, Config
from localcloud.identity.credentials import CredentialStore
from shared import signing

CONFIG = Config()
PATH = "/dir/a b.txt"


@pytest.fixture(scope="module")
def bucket(cloud):
    name = cloud.new_bucket()
    cloud.client().put_object(Bucket=name, Key=PATH[1:], Body=b"secret")
    return name


@pytest.fixture
def ask(cloud, bucket):
    """GET the object with a signature of our own making."""
    host = f"{bucket}.cos.ap-guangzhou.myqcloud.com"
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}

    def get(*, change=lambda text: text, headers=None, window=None, link=False, **options):
        now = int(time.time())
        options = {
            "headers": {"Host": host, **(headers or {})},
            "params": {},
            "secret_id": CONFIG.secret_id,
            "secret_key": CONFIG.secret_key,
            "window": window or (now - 60, now + 60),
            **options,
        }
        made = signing.sign("GET", PATH, **options)
        sent, query = {**(headers or {})}, {}
        if link:
            query = made.fields()
        else:
            sent["Authorization"] = change(made.to_header())
        return session.get(f"http://{host}{PATH}", headers=sent, params=query, timeout=20)

    return get


def code(answer):
    return re.search("<Code>(.*)</Code>", answer.text)[1]


@pytest.mark.parametrize("link", [False, True])
def test_a_right_signature(ask, link):
    assert ask(link=link).content == b"secret"
    assert ask(link=link, headers={"x-cos-meta-z": "signed too"}).status_code == 200
    # The SDK's SignHost=False: accepted, as by the service.
    now = int(time.time())
    assert ask(link=link, window=(now - 1, now + 5)).status_code == 200


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"secret_id": "AKIDnobody"}, "InvalidAccessKeyId"),
        ({"secret_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"window": (1, 2)}, "AccessDenied"),
        ({"window": (4_000_000_000, 4_000_000_100)}, "RequestTimeTooSkewed"),
    ],
)
def test_a_wrong_signature(ask, link, options, expected):
    answer = ask(link=link, **options)
    assert (answer.status_code, code(answer)) == (403, expected)
    assert CONFIG.secret_key not in answer.text
    assert answer.content != b"secret"


def test_expired_says_so_and_the_time(ask):
    answer = ask(window=(1, 2))
    # Clients compare the whole message before they correct their clock.
    assert "<Message>Request has expired</Message>" in answer.text
    assert "<Detail>q-sign-time ended at 2" in answer.text
    assert re.search("<ServerTime>20[0-9-]+T[0-9:]+Z</ServerTime>", answer.text)


def test_a_mismatch_shows_what_was_signed(ask, bucket):
    answer = ask(secret_key="wrong")
    shown = re.search("<FormatString>(.*)</FormatString>", answer.text, re.DOTALL)[1]
    host = f"{bucket}.cos.ap-guangzhou.myqcloud.com"
    assert shown == f"get\n{PATH}\n\nhost={host}\n"
    assert re.search(
        "<StringToSign>sha1\n[0-9]+;[0-9]+\n[0-9a-f]{40}\n</StringToSign>", answer.text
    )
    for element in ("Code", "Message", "Resource", "RequestId", "TraceId"):
        assert re.search(f"<{element}>[^<]+</{element}>", answer.text)
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["x-cos-request-id"] in answer.text
    assert answer.headers["x-cos-trace-id"] in answer.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: "", "AccessDenied"),
        (lambda text: "Bearer token", "AccessDenied"),
        (lambda text: text.replace("sha1", "md5"), "AccessDenied"),
        (lambda text: text + "&q-ak=x", "AccessDenied"),
        (lambda text: text.partition("&q-signature")[0], "AccessDenied"),
        (lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), "SignatureDoesNotMatch"),
        (lambda text: text.replace("header-list=host", "header-list="), "SignatureDoesNotMatch"),
        (lambda text: text.replace("list=host", "list=host;range"), "SignatureDoesNotMatch"),
    ],
)
def test_a_changed_header(ask, change, expected):
    answer = ask(change=change)
    assert (answer.status_code, code(answer)) == (403, expected)


def test_a_link_of_the_sdk_with_a_rule_after_it(cloud, bucket):
    """Parameters behind the signature are free: that is how processing rules are appended."""
    url = cloud.client().get_presigned_url(bucket, PATH[1:], "GET")
    proxies = {"http": cloud.url}
    assert requests.get(url, proxies=proxies, timeout=20).content == b"secret"
    more = requests.get(f"{url}&response-content-type=text/x", proxies=proxies, timeout=20)
    assert more.headers["Content-Type"] == "text/x"
    assert requests.put(url, data=b"x", proxies=proxies, timeout=20).status_code == 403


def test_a_rule_that_is_signed_cannot_be_taken_away(cloud, bucket):
    """CI manual 004:1407: the rule's name in q-url-param-list, lower case and encoded."""
    rule = "imageMogr2/thumbnail/!50p"
    client = cloud.client()
    url = client.get_presigned_url(bucket, PATH[1:], "GET", Params={rule: ""})
    assert "imagemogr2%252fthumbnail%252f%252150p" in url
    proxies = {"http": cloud.url}
    # The rule reaches the picture engine, which finds no picture.
    assert code(requests.get(url, proxies=proxies, timeout=20)) != "SignatureDoesNotMatch"
    for spelling in ("imageMogr2/thumbnail/!50p=", "imageMogr2%2Fthumbnail%2F%2150p="):
        url = url.replace(f"&{spelling}", "").replace(f"?{spelling}&", "?")
    answer = requests.get(url, proxies=proxies, timeout=20)
    assert code(answer) == "SignatureDoesNotMatch"
    answer = requests.get(url, params={rule.replace("50", "90"): ""}, proxies=proxies, timeout=20)
    assert code(answer) == "SignatureDoesNotMatch"


def test_a_link_used_again_after_its_time(ask):
    now = int(time.time())
    window = (now - 100, now - 1)
    answer = ask(link=True, window=window)
    assert (code(answer), "Request has expired" in answer.text) == ("AccessDenied", True)


def test_the_older_link(cloud, bucket):
    auth = cloud.client().get_auth(Method="GET", Bucket=bucket, Key=PATH[1:])
    answer = requests.get(
        f"http://{bucket}.cos.ap-guangzhou.myqcloud.com{PATH}", params={"sign": auth},
        proxies={"http": cloud.url}, timeout=20,
    )  # fmt: skip
    assert answer.content == b"secret"


@pytest.mark.parametrize(
    "options",
    [
        {"SignHost": False},
        {"SignParams": False},
        {"Proxies": None, "Domain": "DOMAIN"},
        {"Proxies": None, "IP": "127.0.0.1", "Port": "PORT"},
    ],
)
def test_other_ways_of_the_sdk(cloud, bucket, options, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    place = {"DOMAIN": f"127.0.0.1:{cloud.port}/{bucket}", "PORT": cloud.port}
    options = {
        name: place.get(value, value) if isinstance(value, str) else value
        for name, value in options.items()
    }
    client = cloud.client(**options)
    got = client.get_object(Bucket=bucket, Key=PATH[1:])
    assert got["Body"].get_raw_stream().read() == b"secret"
    listed = client.list_objects(Bucket=bucket, Prefix="dir/")["Contents"]
    assert [item["Key"] for item in listed] == [PATH[1:]]


def test_a_key_that_the_sdk_normalises_away(cloud, bucket):
    """The SDK sends `PUT /` signed for `/a/..`: the signature keeps it from the bucket."""
    with pytest.raises(CosServiceError) as caught:
        cloud.client().delete_object(Bucket=bucket, Key="..")
    assert caught.value.get_error_code() == "SignatureDoesNotMatch"


class TestTemporaryCredentials:
    @pytest.fixture
    def client(self, inside):
        def make(ttl=60, **change):
            issued = inside.cloud.credentials.issue(ttl)
            options = {
                "Region": CONFIG.region,
                "SecretId": issued.secret_id,
                "SecretKey": issued.secret_key,
                "Token": issued.token,
                "Scheme": "http",
                "Proxies": {"http": inside.url},
                **change,
            }
            return CosS3Client(CosConfig(**options), retry=0)

        return make

    def test_they_work_with_their_token(self, client):
        client().put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=b"x")
        url = client().get_presigned_url(DEFAULT_BUCKET, "k", "GET")
        assert "token" not in url

    @pytest.mark.parametrize(
        ("ttl", "change", "expected"),
        [
            (60, {"Token": None}, (403, "InvalidAccessKeyId")),
            (60, {"Token": "other"}, (403, "AccessDenied")),
            (60, {"SecretKey": "other"}, (403, "SignatureDoesNotMatch")),
            (-1, {}, (400, "ExpiredToken")),
        ],
    )
    def test_what_is_refused(self, client, ttl, change, expected):
        with pytest.raises(CosServiceError) as caught:
            client(ttl, **change).list_objects(Bucket=DEFAULT_BUCKET)
        assert (caught.value.get_status_code(), caught.value.get_error_code()) == expected

    def test_the_token_of_another_key(self, inside, client):
        other = inside.cloud.credentials.issue(60)
        with pytest.raises(CosServiceError) as caught:
            client(Token=other.token).list_objects(Bucket=DEFAULT_BUCKET)
        assert caught.value.get_error_code() == "AccessDenied"

    @pytest.mark.parametrize("signed", [True, False])
    def test_a_link_carries_its_token_in_the_query(self, inside, client, signed):
        sdk = client()
        sdk.put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=b"linked")
        token = {"x-cos-security-token": sdk._conf._token}
        url = sdk.get_presigned_url(DEFAULT_BUCKET, "k", "GET", Params=token if signed else {})
        more = {} if signed else token
        proxies = {"http": inside.url}
        assert requests.get(url, params=more, proxies=proxies, timeout=20).content == b"linked"
        url = url.replace(token["x-cos-security-token"], "other")
        answer = requests.get(url, params={}, proxies=proxies, timeout=20)
        assert code(answer) in ("AccessDenied", "InvalidAccessKeyId")

    def test_the_oldest_go_first(self, monkeypatch):
        monkeypatch.setattr("localcloud.identity.credentials.MAX_TEMPORARY", 2)
        store = CredentialStore(CONFIG)
        issued = [store.issue(60) for _ in range(3)]
        assert [store.find(one.secret_id) is None for one in issued] == [True, False, False]
        assert store.find(CONFIG.secret_id) is not None
        assert issued[2].secret_key not in repr(store.find(issued[2].secret_id))
