"""A bucket as a website, visited on its own host."""

import pytest
import requests
from qcloud_cos import CosServiceError

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


@pytest.fixture
def site(cloud):
    """Visit a fresh public website with some pages: `site("/path")`, `site.set(document)`."""
    name = cloud.new_bucket(ACL="public-read")
    client = cloud.client()
    for key in ("index.html", "docs/index.html", "docs/page.html", "new/a b.html", "error.html"):
        client.put_object(Bucket=name, Key=key, Body=key.encode(), ContentType="text/html")
    client.put_object(Bucket=name, Key="secret.html", Body=b"secret", ACL="private")
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}
    host = f"{name}.cos-website.ap-guangzhou.myqcloud.com"

    def visit(path, method="GET", **headers):
        return session.request(
            method, f"http://{host}{path}", headers=headers, allow_redirects=False, timeout=20
        )

    def put(**parts):
        client.put_bucket_website(Bucket=name, WebsiteConfiguration={**INDEX, **parts})

    visit.host, visit.bucket, visit.set = host, name, put
    return visit


def rule(condition, redirect):
    return {"Condition": condition, "Redirect": redirect}


def test_the_setting(client, site, refused):
    assert refused(client.get_bucket_website, Bucket=site.bucket) == (
        404, "NoSuchWebsiteConfiguration",
    )  # fmt: skip
    site.set(RoutingRules=[rule({"KeyPrefixEquals": "a/"}, {"ReplaceKeyPrefixWith": "b/"})])
    shown = client.get_bucket_website(Bucket=site.bucket)
    assert shown["IndexDocument"] == {"Suffix": "index.html"}
    assert shown["RoutingRules"] == [
        rule({"KeyPrefixEquals": "a/"}, {"ReplaceKeyPrefixWith": "b/", "URLRedirect": "Enabled"})
    ]
    client.delete_bucket_website(Bucket=site.bucket)
    answer = site("/")
    assert (answer.status_code, "NoSuchWebsiteConfiguration" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/", "index.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/page.html", "docs/page.html"),
        ("/new/a%20b.html", "new/a b.html"),
        ("/?whatever=1", "index.html"),
    ],
)
def test_pages(site, path, key):
    site.set()
    answer = site(path)
    assert (answer.status_code, answer.text) == (200, key)
    assert answer.headers["Content-Type"] == "text/html"
    head = site(path, "HEAD")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(key)))


def test_parts_and_conditions(site):
    site.set()
    assert site("/", Range="bytes=0-4").text == "index"
    assert site("/", **{"If-None-Match": site("/").headers["ETag"]}).status_code == 304


def test_a_folder_without_its_slash(site):
    site.set()
    answer = site("/docs")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{site.host}/docs/")


def test_errors_are_pages_and_show_nothing_private(site):
    site.set()
    for path, status, code in (
        ("/gone<b>", 404, "NoSuchKey"),
        ("/secret.html", 403, "AccessDenied"),
    ):
        answer = site(path)
        assert (answer.status_code, code in answer.text) == (status, True)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<b>" not in answer.text
        assert "secret" not in answer.text
    assert site("/index.html", "PUT").status_code == 405


def test_the_error_document(site):
    site.set(ErrorDocument={"Key": "error.html"})
    for path, status in (("/gone", 404), ("/secret.html", 403)):
        answer = site(path, Range="bytes=0-1")
        assert (answer.status_code, answer.text) == (status, "error.html")
    site.set(ErrorDocument={"Key": "error.html", "OriginalHttpStatus": "Disabled"})
    assert (site("/gone").status_code, site("/gone").text) == (200, "error.html")
    site.set(ErrorDocument={"Key": "missing.html"})
    assert (site("/gone").status_code, "NoSuchKey" in site("/gone").text) == (404, True)


def test_redirect_rules(site):
    site.set(
        RoutingRules=[
            rule({"KeyPrefixEquals": "old/"}, {"ReplaceKeyPrefixWith": "new/"}),
            rule({"KeyPrefixEquals": "away/"}, {"Protocol": "https", "ReplaceKeyWith": "x y"}),
            rule({"KeyPrefixEquals": "inside/"},
                 {"ReplaceKeyPrefixWith": "docs/", "URLRedirect": "Disabled"}),
            rule({"HttpErrorCodeReturnedEquals": "404"}, {"ReplaceKeyWith": "error.html"}),
        ]
    )  # fmt: skip
    for path, target in (
        ("/old/a%20b.html", f"http://{site.host}/new/a%20b.html"),
        ("/away/z", f"https://{site.host}/x%20y"),
        ("/gone", f"http://{site.host}/error.html"),
    ):
        answer = site(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, target)
    answer = site("/inside/page.html")
    assert (answer.status_code, answer.text) == (200, "docs/page.html")


def test_everything_to_https_and_names_without_html(site):
    site.set(AutoAddressing={"Status": "Enabled"})
    assert site("/docs/page").text == "docs/page.html"
    site.set(RedirectAllRequestsTo={"Protocol": "https"})
    answer = site("/docs/页?a=1")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{site.host}/docs/%E9%A1%B5?a=1"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"IndexDocument": {"Suffix": "a/index.html"}}, "InvalidArgument"),
        ({"IndexDocument": {}}, "MalformedXML"),
        ({"RoutingRules": [rule({"KeyPrefixEquals": "a"}, {})] * 101}, "InvalidArgument"),
        ({"RoutingRules": [rule({"HttpErrorCodeReturnedEquals": "500"}, {})]}, "InvalidArgument"),
        ({"RoutingRules": [rule({}, {"ReplaceKeyWith": "x"})]}, "MalformedXML"),
        ({"RoutingRules": [rule({"KeyPrefixEquals": "a"}, {"Protocol": "ftp"})]}, "MalformedXML"),
    ],
)
def test_what_is_refused(client, bucket, bad, code):
    with pytest.raises(CosServiceError) as caught:
        client.put_bucket_website(Bucket=bucket, WebsiteConfiguration={**INDEX, **bad})
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)
