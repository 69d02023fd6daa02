"""Websites over HTTPS: redirects stay encrypted, and `everything to https` has an end."""

import uuid

import pytest
import requests


@pytest.fixture
def visit(secure):
    name = f"site-{uuid.uuid4().hex[:12]}-1250000000"
    client = secure.client()
    client.create_bucket(Bucket=name, ACL="public-read")
    client.put_object(Bucket=name, Key="docs/index.html", Body=b"docs")
    client.put_bucket_website(
        Bucket=name,
        WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"},
            "RedirectAllRequestsTo": {"Protocol": "https"},
        },
    )
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": secure.url, "https": secure.url}
    session.verify = str(secure.authority)
    host = f"{name}.cos-website.ap-guangzhou.myqcloud.com"

    def get(address):
        return session.get(f"{address.format(host)}", timeout=20)

    return get


def test_from_http_to_the_index_of_a_folder(visit):
    answer = visit("http://{}/docs")
    assert (answer.status_code, answer.text) == (200, "docs")
    assert [step.status_code for step in answer.history] == [301, 302]
    assert all(step.headers["Location"].startswith("https://") for step in answer.history)
