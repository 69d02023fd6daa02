"""What everybody may do, and only that."""

import pytest
import requests


@pytest.fixture
def anonymous(cloud):
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}

    def ask(method, bucket, path="/", **options):
        url = f"http://{bucket}.cos.ap-guangzhou.myqcloud.com{path}"
        return session.request(method, url, timeout=20, **options).status_code

    return ask


READ = [("GET", "/o"), ("HEAD", "/o")]
LIST = [("GET", "/"), ("HEAD", "/"), ("GET", "/?uploads")]
WRITE = [("PUT", "/new"), ("POST", "/o?uploads"), ("POST", "/?delete"), ("DELETE", "/o")]
NEVER = [
    ("GET", "/o?acl"), ("PUT", "/o?acl"), ("GET", "/o?tagging"), ("GET", "/?acl"), ("DELETE", "/"),
    ("GET", "/?policy"), ("PUT", "/?policy"), ("POST", "/o?image_process"),
    ("GET", "/o?ci-process=QRcode"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("bucket_acl", "object_acl", "allowed"),
    [
        ("private", "default", []),
        ("private", "private", []),
        ("private", "public-read", READ),
        ("public-read", "default", READ + LIST),
        ("public-read", "private", LIST),
        ("public-read-write", "default", READ + LIST + WRITE),
    ],
)
def test_anonymous_requests(cloud, anonymous, bucket_acl, object_acl, allowed):
    bucket = cloud.new_bucket(ACL=bucket_acl)
    cloud.client().put_object(Bucket=bucket, Key="o", Body=b"x", ACL=object_acl)
    for method, path in READ + LIST + NEVER + WRITE:
        body = b"<Delete><Object><Key>gone</Key></Object></Delete>" if "delete" in path else b""
        status = anonymous(method, bucket, path, data=body)
        assert (status < 300) == ((method, path) in allowed), (method, path, status)
        assert status < 300 or status == 403


def test_anonymous_writers_copy_and_process_nothing(cloud, anonymous):
    bucket = cloud.new_bucket(ACL="public-read-write")
    source = {"x-cos-copy-source": f"{cloud.bucket}.cos.ap-guangzhou.myqcloud.com/secret"}
    assert anonymous("PUT", bucket, "/copy", headers=source) == 403
    assert anonymous("PUT", bucket, "/p", headers={"Pic-Operations": "{}"}, data=b"x") == 403


def test_acls_are_put_and_shown(cloud):
    client, bucket = cloud.client(), cloud.new_bucket()
    client.put_object(Bucket=bucket, Key="o", Body=b"x")

    def grants():
        answer = client.get_object_acl(Bucket=bucket, Key="o")
        return [
            (grant["Grantee"].get("URI", "owner").rpartition("/")[2], grant["Permission"])
            for grant in answer["AccessControlList"]["Grant"]
        ]

    assert grants() == [("owner", "FULL_CONTROL")]
    client.put_object_acl(Bucket=bucket, Key="o", ACL="public-read")
    assert grants() == [("owner", "FULL_CONTROL"), ("AllUsers", "READ")]
    client.put_object_acl(Bucket=bucket, Key="o", ACL="default")
    client.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert grants() == [("owner", "FULL_CONTROL"), ("AllUsers", "READ")]
    assert len(client.get_bucket_acl(Bucket=bucket)["AccessControlList"]["Grant"]) == 2


def test_an_acl_as_a_document(cloud, anonymous):
    client, bucket = cloud.client(), cloud.new_bucket()
    policy = client.get_bucket_acl(Bucket=cloud.new_bucket(ACL="public-read"))
    for grant in policy["AccessControlList"]["Grant"]:
        kind = grant["Grantee"].pop("xsi:type", "Group" if "URI" in grant["Grantee"] else "")
        grant["Grantee"]["Type"] = kind or "CanonicalUser"
    client.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert anonymous("GET", bucket) == 200


@pytest.mark.parametrize("name", ["anyone", "qcs::cam::anyone:anyone"])
def test_everybody_as_the_name_of_a_user(cloud, signed, anonymous, name):
    """As coscmd writes it."""
    signed("PUT", "/", params={"acl": ""}, headers={"x-cos-grant-read": f'id="{name}"'})
    assert anonymous("GET", signed.bucket) == 200
    signed("PUT", "/o", data=b"x")
    signed("PUT", "/o", params={"acl": ""}, data=document("READ", user=name))
    shown = signed("GET", "/o", params={"acl": ""}).text
    assert "<URI>http://cam.qcloud.com/groups/global/AllUsers</URI>" in shown


def test_a_sub_account_in_a_header(signed):
    named = {"x-cos-grant-read": 'id="200000000001/200000000011",id="200000000002"'}
    assert signed("PUT", "/", params={"acl": ""}, headers=named).status_code == 200
    shown = signed("GET", "/", params={"acl": ""}).text
    assert "<ID>qcs::cam::uin/200000000001:uin/200000000011</ID>" in shown
    assert "<ID>qcs::cam::uin/200000000002:uin/200000000002</ID>" in shown


def document(permission, owner="100000000001", user="100000000002"):
    """An AccessControlPolicy with one grant."""
    return (
        f"<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList><Grant><Grantee>"
        f"<ID>{user}</ID></Grantee><Permission>{permission}</Permission></Grant>"
        "</AccessControlList></AccessControlPolicy>"
    ).encode()


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"x-cos-acl": "everybody"}, b"", "InvalidArgument"),
        ({}, b"", "InvalidArgument"),
        ({}, b"<x", "MalformedXML"),
        ({"x-cos-grant-read": "1"}, b"", "InvalidArgument"),
        ({"x-cos-grant-read": 'id="qcs::cam::uin/1:uin/x"'}, b"", "InvalidArgument"),
        ({"x-cos-grant-read": 'uri="http://example.com/everyone"'}, b"", "InvalidArgument"),
        ({"x-cos-grant-read": ",".join(f'id="{n}"' for n in range(101))}, b"", "InvalidArgument"),
        ({}, document("READ", owner="100000000009"), "InvalidArgument"),
        ({}, document("EVERYTHING"), "InvalidArgument"),
    ],
)
def test_acls_that_are_refused(signed, headers, body, code):
    answer = signed("PUT", "/", params={"acl": ""}, headers=headers, data=body)
    assert f"<Code>{code}</Code>" in answer.text


def test_an_object_has_no_writers(signed):
    signed("PUT", "/o", data=b"x")
    for options in ({"headers": {"x-cos-grant-write": 'id="1"'}}, {"data": document("WRITE")}):
        answer = signed("PUT", "/o", params={"acl": ""}, **options)
        assert "<Code>InvalidArgument</Code>" in answer.text
