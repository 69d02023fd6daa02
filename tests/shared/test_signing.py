"""q-sign, compared with the SDK's own signatures, and attacked."""

import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_auth import CosS3Auth
from requests import Request

from shared import signing

ID, KEY = "AKIDexample", "secret"
HOST = "b-1250000000.cos.ap-guangzhou.myqcloud.com"
CONFIG = CosConfig(Region="ap-guangzhou", SecretId=ID, SecretKey=KEY, Scheme="http")
WINDOW = (1795240785, 1795250845)


def by_sdk(method="GET", key="a.jpg", params=None, headers=None, url=f"http://{HOST}/a.jpg"):
    request = Request(method, url, headers=headers or {}).prepare()
    return CosS3Auth(CONFIG, key, params or {})(request)


CASES = [
    {},
    {"key": "folder/空 格+%2F?#😀\n\\.jpg"},
    {
        "method": "PUT",
        "headers": {"Content-Length": "0", "Content-Type": "image/png", "x-cos-meta-a": "b c/d"},
    },
    {"params": {"prefix": "a/b", "max-keys": "5", "delimiter": "/"}},
    {"params": {"imageMogr2/thumbnail/!50p|watermark/2/text/5rC0": ""}},
    {
        "method": "POST",
        "params": {"image_process": ""},
        "headers": {"Content-Length": "0", "Pic-Operations": '{"a":1}'},
    },
    {"headers": {"Range": "bytes=0-9", "x-cos-security-token": "T=/+"}},
]


@pytest.mark.parametrize("case", CASES)
def test_our_signature_is_the_sdks(case):
    request = by_sdk(**case)
    theirs = signing.parse_header(request.headers["Authorization"])
    ours = signing.sign(
        case.get("method", "GET"),
        "/" + case.get("key", "a.jpg"),
        headers={**case.get("headers", {}), "Host": HOST},
        params=case.get("params", {}),
        secret_id=ID,
        secret_key=KEY,
        window=theirs.sign_time,
    )
    assert ours.to_header() == request.headers["Authorization"]


def verify(signature, case, **changes):
    facts = {
        "method": case.get("method", "GET"),
        "path": "/" + case.get("key", "a.jpg"),
        "headers": [*case.get("headers", {}).items(), ("User-Agent", "x"), ("host", HOST)],
        "params": [*case.get("params", {}).items(), ("free", "parameter")],
        "secret_key": KEY,
        **changes,
    }
    signing.verify(signature, facts.pop("method"), facts.pop("path"), **facts)


@pytest.mark.parametrize("case", CASES)
def test_the_sdks_signature_verifies(case):
    verify(signing.parse_header(by_sdk(**case).headers["Authorization"]), case)


TAMPERED = {
    "method": {"method": "DELETE"},
    "path": {"path": "/b.jpg"},
    "path case": {"path": "/A.jpg"},
    "signed header": {"headers": [("x-cos-meta-a", "2"), ("host", HOST)]},
    "signed header is gone": {"headers": [("host", HOST)]},
    "signed header twice": {
        "headers": [("x-cos-meta-a", "1"), ("X-Cos-Meta-A", "2"), ("host", HOST)]
    },
    "host": {"headers": [("x-cos-meta-a", "1"), ("host", "other")]},
    "signed parameter": {"params": [("prefix", "b")]},
    "signed parameter is gone": {"params": []},
    "signed parameter twice": {"params": [("prefix", "a"), ("prefix", "b")]},
    "signed parameter twice, other case": {"params": [("prefix", "a"), ("Prefix", "b")]},
    "secret": {"secret_key": "other"},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_change_of_what_is_signed_is_seen(change):
    case = {"params": {"prefix": "a"}, "headers": {"x-cos-meta-a": "1"}}
    signature = signing.parse_header(by_sdk(**case).headers["Authorization"])
    with pytest.raises(signing.Mismatch) as caught:
        verify(signature, case, **change)
    assert caught.value.code == "mismatch"
    assert caught.value.format_string.count("\n") == 4
    assert caught.value.string_to_sign.startswith("sha1\n")
    assert KEY not in caught.value.format_string + caught.value.string_to_sign


def test_the_message_names_what_is_signed_but_absent():
    case = {"params": {"prefix": "a"}, "headers": {"x-cos-meta-a": "1"}}
    signature = signing.parse_header(by_sdk(**case).headers["Authorization"])
    with pytest.raises(signing.Mismatch, match="header x-cos-meta-a, parameter prefix"):
        verify(signature, case, params=[], headers=[("host", HOST)])


@pytest.mark.parametrize(
    "params", [{}, {"imageMogr2/thumbnail/!50p": "", "x-cos-security-token": "T+/="}]
)
def test_a_link_of_the_sdk_verifies(params):
    url = CosS3Client(CONFIG).get_presigned_url("b-1250000000", "é a.jpg", "GET", Params=params)
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    signature = signing.parse_fields(pairs)
    signing.verify(
        signature, "GET", "/é a.jpg", headers=[("host", HOST)], params=pairs, secret_key=KEY
    )
    signing.check_time(signature, time.time())


def test_a_link_may_list_its_parameters_unencoded():
    params = {"imageMogr2/thumbnail/!50p": ""}
    made = signing.sign(
        "GET", "/a", headers={}, params=params, secret_id=ID, secret_key=KEY, window=WINDOW
    )
    fields = {**made.fields(), "q-url-param-list": "imagemogr2/thumbnail/!50p"}
    signing.verify(
        signing.parse_fields(fields.items()), "GET", "/a", headers=[], params=params.items(),
        secret_key=KEY,
    )  # fmt: skip


def test_header_values_are_bytes():
    value = "图".encode()
    made = signing.sign(
        "PUT", "/a", headers={"x-cos-meta-n": value}, params={}, secret_id=ID, secret_key=KEY,
        window=WINDOW,
    )  # fmt: skip
    same = signing.sign(
        "PUT", "/a", headers={"x-cos-meta-n": "图"}, params={}, secret_id=ID, secret_key=KEY,
        window=WINDOW,
    )  # fmt: skip
    assert made == same
    signing.verify(made, "PUT", "/a", headers=[("X-Cos-Meta-N", value)], params=[], secret_key=KEY)


GOOD = signing.sign("GET", "/a", headers={}, params={}, secret_id=ID, secret_key=KEY, window=WINDOW)
MALFORMED = [
    *({name: None} for name in GOOD.fields()),
    {"q-sign-algorithm": "md5"},
    {"q-ak": ""},
    {"q-sign-time": "1;x"},
    {"q-sign-time": "5;4"},
    {"q-key-time": "1"},
    {"q-key-time": "1;" + "9" * 13},
    {"q-sign-time": "١;٢"},
    {"q-signature": "0" * 39},
    {"q-signature": "é" * 40},
    {"q-signature": GOOD.value.upper()},
]


@pytest.mark.parametrize("change", MALFORMED)
def test_a_malformed_signature_names_its_field(change):
    (name,) = change
    fields = {key: value for key, value in {**GOOD.fields(), **change}.items() if value is not None}
    with pytest.raises(signing.MalformedSignature, match=name):
        signing.parse_fields(fields.items())


def test_a_repeated_field_is_malformed():
    with pytest.raises(signing.MalformedSignature, match="q-ak occurs twice"):
        signing.parse_header(GOOD.to_header() + "&q-ak=other")


@pytest.mark.parametrize("text", ["", "  ", "Basic abc", "&&&"])
def test_no_signature_is_missing(text):
    with pytest.raises(signing.MissingSignature):
        signing.parse_header(text)


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (WINDOW[0] - 1, signing.NotYetValid),
        (WINDOW[0], None),
        (WINDOW[1], None),
        (WINDOW[1] + 1, signing.Expired),
    ],
)
def test_the_window(now, error):
    if error is None:
        signing.check_time(GOOD, now)
    else:
        with pytest.raises(error):
            signing.check_time(GOOD, now)


def test_secrets_stay_out_of_reprs():
    assert GOOD.value not in repr(GOOD)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text):
    with pytest.raises((signing.MissingSignature, signing.MalformedSignature)):
        signing.parse_header(text)


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4),
    st.text(max_size=12),
)
def test_what_is_signed_verifies(params, path):
    made = signing.sign(
        "GET", f"/{path}", headers={"Host": HOST}, params=params, secret_id=ID, secret_key=KEY,
        window=WINDOW,
    )  # fmt: skip
    again = signing.parse_header(made.to_header())
    signing.verify(
        again, "GET", f"/{path}", headers=[("host", HOST)], params=params.items(), secret_key=KEY
    )
