"""Hotlink and origin protection: what a stranger may still download."""

import pytest
from defusedxml.ElementTree import fromstring

HALF = "imageMogr2/thumbnail/!50p"


@pytest.fixture
def open_bucket(bucket, photo):
    """A bucket with a picture that everybody may read, and a style."""
    bucket.client.put_object(Bucket=bucket.name, Key="a.jpg", Body=photo(), ACL="public-read")
    style = {"StyleName": "half", "StyleBody": HALF}
    bucket.client.ci_put_image_style(Bucket=bucket.name, Request=style)
    return bucket


def stranger(bucket, query="", **headers):
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg"
    return bucket.get(f"{url}?{query}" if query else url, **headers)


def texts(body):
    root = fromstring(body)
    return root.tag, [(node.tag, node.text) for node in root] or root.text


def test_origin_protection_on_and_off(open_bucket):
    ask = {"origin-protect": ""}
    assert texts(open_bucket.pic("GET", ask)[1]) == ("OriginProtectStatus", "off")
    headers, body = open_bucket.pic("PUT", ask)
    assert (headers["Content-Length"], body) == ("0", b"")
    assert texts(open_bucket.pic("GET", ask)[1]) == ("OriginProtectStatus", "on")
    open_bucket.pic("DELETE", ask)
    assert texts(open_bucket.pic("GET", ask)[1]) == ("OriginProtectStatus", "off")


def test_a_protected_original_is_seen_through_a_style_only(open_bucket, open_image):
    assert stranger(open_bucket).status == 200
    open_bucket.pic("PUT", {"origin-protect": ""})
    for query in ("", HALF, "imageInfo"):
        assert stranger(open_bucket, query).status == 403, query
    assert stranger(open_bucket, f"style/half&{HALF}").status == 400
    code, number, message = stranger(open_bucket).error
    assert (code, number) == ("AccessDenied", "-154")
    assert "styles" in message
    styled = stranger(open_bucket, "style/half")
    assert open_image(styled.body).size == (48, 27)
    assert open_bucket.get(open_bucket.presigned("a.jpg")).status == 200
    open_bucket.pic("DELETE", {"origin-protect": ""})
    assert stranger(open_bucket).status == 200


def hotlink(bucket, kind, *urls):
    listed = "".join(f"<Url>{url}</Url>" for url in urls)
    body = f"<Hotlink>{listed}<Type>{kind}</Type></Hotlink>"
    return bucket.pic("PUT", {"hotlink": ""}, body.encode())


def test_hotlink_is_kept_and_told(open_bucket):
    assert texts(open_bucket.pic("GET", {"hotlink": ""})[1]) == (
        "Hotlink", [("Status", "off"), ("Type", "off")],
    )  # fmt: skip
    hotlink(open_bucket, "black", "www.example.com", "http://other.example/page")
    assert texts(open_bucket.pic("GET", {"hotlink": ""})[1]) == (
        "Hotlink",
        [("Status", "on"), ("Type", "black"), ("Url", "www.example.com"),
         ("Url", "other.example")],
    )  # fmt: skip
    hotlink(open_bucket, "off")
    assert texts(open_bucket.pic("GET", {"hotlink": ""})[1])[1][0] == ("Status", "off")


@pytest.mark.parametrize(
    ("kind", "referer", "status"),
    [
        ("white", "http://www.example.com/page", 200),
        ("white", "https://www.example.com:8443/", 200),
        ("white", "http://shop.wild.example/", 200),
        ("white", "http://wild.example/", 403),
        ("white", "http://www.example.com.evil.example/", 403),
        ("white", "http://evil.example/?www.example.com", 403),
        ("white", "not a url", 403),
        ("white", "http://[oops", 403),
        ("white", None, 403),
        ("black", "http://www.example.com/page", 403),
        ("black", "http://WWW.EXAMPLE.COM/", 403),
        ("black", "http://friend.example/", 200),
        ("black", None, 200),
        ("off", "http://www.example.com/", 200),
    ],
)
def test_the_page_that_a_download_comes_from(open_bucket, kind, referer, status):
    hotlink(open_bucket, kind, "www.example.com", "*.wild.example")
    headers = {"Referer": referer} if referer else {}
    for query in ("", HALF):
        answer = stranger(open_bucket, query, **headers)
        assert answer.status == status
        if status == 403:
            assert answer.error[:2] == ("AccessDenied", "-108")
    assert open_bucket.get(open_bucket.presigned("a.jpg"), **headers).status == 200


@pytest.mark.parametrize(
    "body",
    [
        "<Hotlink><Type>grey</Type><Url>a.example</Url></Hotlink>",
        "<Hotlink><Type>white</Type></Hotlink>",
        "<Hotlink><Type>white</Type><Url>a b</Url></Hotlink>",
        "<Hotlink><Type>white</Type><Url>http://[</Url></Hotlink>",
        "<Hotlink><Type>white</Type>" + "<Url>a.example</Url>" * 101 + "</Hotlink>",
        "<Other/>",
        "nonsense",
    ],
)
def test_a_bad_list_is_refused_and_changes_nothing(open_bucket, refused, body):
    status, code, _ = refused(open_bucket.pic, "PUT", {"hotlink": ""}, body.encode())
    assert (status, code) in ((400, "InvalidArgument"), (400, "MalformedXML"))
    assert stranger(open_bucket).status == 200
