"""Referer lists: which pages may show a bucket's pictures."""

import pytest
import requests
from qcloud_cos import CosServiceError


def configuration(kind, *domains, empty="Deny", status="Enabled"):
    return {
        "Status": status,
        "RefererType": kind,
        "DomainList": {"Domain": list(domains)},
        "EmptyReferConfiguration": empty,
    }


@pytest.fixture
def visit(cloud):
    name = cloud.new_bucket(ACL="public-read")
    cloud.client().put_object(Bucket=name, Key="k", Body=b"x")

    def get(referer=None, method="GET"):
        return requests.request(
            method,
            f"{cloud.url}/{name}/k",
            headers={"Referer": referer} if referer else {},
            timeout=20,
            proxies={"http": ""},
        ).status_code

    get.bucket = name
    return get


WHITE = configuration("White-List", "*.qq.com", "10.0.0.1:8080", "www.shop.com/pictures")


@pytest.mark.parametrize(
    ("referer", "status"),
    [
        ("http://a.qq.com/page", 200),
        ("https://a.b.QQ.com", 200),
        ("http://qq.com/", 403),
        ("http://evil.com/a.qq.com", 403),
        ("http://10.0.0.1:8080/x", 200),
        ("http://10.0.0.1/x", 403),
        ("http://www.shop.com/pictures/1.html", 200),
        ("http://www.shop.com/", 403),
        ("nonsense", 403),
        (None, 403),
    ],
)
def test_a_white_list(client, visit, referer, status):
    client.put_bucket_referer(Bucket=visit.bucket, RefererConfiguration=WHITE)
    assert visit(referer) == visit(referer, "HEAD") == status


def test_a_black_list(client, visit):
    black = configuration("Black-List", "*.thief.com", empty="Allow")
    client.put_bucket_referer(Bucket=visit.bucket, RefererConfiguration=black)
    assert [visit("http://a.thief.com/"), visit("http://a.com/"), visit()] == [403, 200, 200]


def test_it_can_be_switched_off_and_removed(client, visit):
    off = configuration("White-List", "*.qq.com", status="Disabled")
    client.put_bucket_referer(Bucket=visit.bucket, RefererConfiguration=off)
    assert client.get_bucket_referer(Bucket=visit.bucket) == off
    assert visit() == 200
    client.put_bucket_referer(Bucket=visit.bucket, RefererConfiguration=WHITE)
    assert visit() == 403
    client.delete_bucket_referer(Bucket=visit.bucket)
    assert visit() == 200


def test_who_signs_is_no_stranger(client, visit):
    client.put_bucket_referer(Bucket=visit.bucket, RefererConfiguration=WHITE)
    assert client.get_object(Bucket=visit.bucket, Key="k")["Body"].get_raw_stream().read() == b"x"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (configuration("Grey-List", "a.com"), "MalformedXML"),
        (configuration("White-List"), "MalformedXML"),
        (configuration("White-List", *["a.com"] * 61), "InvalidArgument"),
        (configuration("White-List", "a.com", empty="Perhaps"), "MalformedXML"),
    ],
)
def test_what_is_refused(client, bucket, bad, code):
    with pytest.raises(CosServiceError) as caught:
        client.put_bucket_referer(Bucket=bucket, RefererConfiguration=bad)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)
    assert client.get_bucket_referer(Bucket=bucket) == {"RefererConfiguration": None}
