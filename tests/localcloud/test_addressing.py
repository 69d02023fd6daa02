"""Request target and Host -> service, bucket, region, key."""

import pytest

from localcloud.addressing import resolve
from localcloud.errors import ServiceError

B = "b-1250000000"
COS = f"{B}.cos.ap-guangzhou.myqcloud.com"


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        (f"http://{COS}/a/b.jpg", "ignored", ("cos", B, "ap-guangzhou", "a/b.jpg")),
        (f"http://{COS}", COS, ("cos", B, "ap-guangzhou", "")),
        (f"http://{COS}?acl", COS, ("cos", B, "ap-guangzhou", "")),
        ("/a.jpg", COS, ("cos", B, "ap-guangzhou", "a.jpg")),
        ("/a.jpg", f"{COS.upper()}:80", ("cos", B, "ap-guangzhou", "a.jpg")),
        ("/k", f"{B}.ci.eu-frankfurt.myqcloud.com", ("ci", B, "eu-frankfurt", "k")),
        ("/?style", f"{B}.pic.ap-beijing-fsi.myqcloud.com", ("pic", B, "ap-beijing-fsi", "")),
        ("/k", f"{B}.cos.ap-guangzhou.tencentcos.cn", ("cos", B, "ap-guangzhou", "k")),
        ("/k", f"{B}.cos-internal.ap-guangzhou.tencentcos.cn", ("cos", B, "ap-guangzhou", "k")),
        ("/", "service.cos.myqcloud.com", ("service", "", "", "")),
        ("/", "service.cos.tencentcos.cn", ("service", "", "", "")),
        ("/", "cos.ap-guangzhou.myqcloud.com", ("service", "", "ap-guangzhou", "")),
        ("/docbucket", "ci.ap-guangzhou.myqcloud.com", ("ci", "", "ap-guangzhou", "docbucket")),
        ("/dataset", "12500.ci.eu-a.myqcloud.com", ("ci", "", "eu-a", "dataset")),
        ("/k", f"{B}.cos-website.ap-guangzhou.myqcloud.com", ("website", B, "ap-guangzhou", "k")),
        (f"/{B}/t", "ap-a.migration.myqcloud.com", ("migration", B, "ap-a", "t")),
        ("/k", f"{B}.localhost:9000", ("cos", B, "", "k")),
        (f"/{B}/a/b", "127.0.0.1:9000", ("cos", B, "", "a/b")),
        (f"/{B}", "localhost", ("cos", B, "", "")),
        (f"/{B}/", "[::1]:9000", ("cos", B, "", "")),
        ("/", "127.0.0.1:9000", ("service", "", "", "")),
    ],
)
def test_what_is_meant(target, host, expected):
    found = resolve(target, host)
    assert (found.service, found.bucket, found.region, found.key) == expected


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/a%2Fb", "a/b"),
        ("/a/../b", "a/../b"),
        ("/..", ".."),
        ("/./", "./"),
        ("/a/%2e%2E/b", "a/../b"),
        ("//a", "/a"),
        ("/a//b", "a//b"),
        ("/a+b%20c%2Bd", "a+b c+d"),
        ("/%E4%B8%AD", "中"),
        ("/a;b=c:d@e", "a;b=c:d@e"),
        ("/100%", "100%"),
        ("/%zz", "%zz"),
    ],
)
def test_paths_are_read_as_they_are(path, key):
    assert resolve(path, COS).key == key
    assert resolve(f"http://{COS}{path}?x=/..", "").key == key


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "",
        "169.254.169.254",
        "metadata.google.internal",
        f"{COS}.example.com",
        f"example.com/{COS}",
        f"user@{COS}",
        f"{COS}@example.com",
        f"{COS}:99999999",
        "localhost.example.com",
        "127.0.0.2",
        "cos.myqcloud.com",
        f"x.{COS}",
        "nobucket.cos.ap-guangzhou.myqcloud.com",
        f"{B}.scf.ap-guangzhou.myqcloud.com",
    ],
)
def test_no_open_proxy(host):
    with pytest.raises(ServiceError) as caught:
        resolve(f"http://{host}/x", "127.0.0.1")
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
    assert "no open proxy" in caught.value.message


@pytest.mark.parametrize("target", ["*", "x", f"ftp://{COS}/a", "/%ff"])
def test_no_target(target):
    with pytest.raises(ServiceError, match="InvalidURI"):
        resolve(target, COS)
