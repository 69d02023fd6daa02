"""Asynchronous fetch: objects of this cloud only, and errors in this API's JSON."""

import pytest
import requests
from qcloud_cos.cos_auth import CosS3Auth


@pytest.fixture
def client(cloud):
    return cloud.client()


def task(client, bucket, url, key="copy", **more):
    wanted = {"Url": url, "Key": key, **more}
    return client.put_async_fetch_task(Bucket=bucket, FetchTaskConfiguration=wanted)


def test_an_object_of_the_cloud(cloud, client):
    source, target = cloud.new_bucket(), cloud.new_bucket()
    client.put_object(Bucket=source, Key="中.txt", Body=b"hello", ContentType="text/plain")
    url = client.get_presigned_url(Bucket=source, Key="中.txt", Method="GET")
    answer = task(client, target, url, MD5="5d41402abc4b2a76b9719d911017c592")
    assert (answer["code"], answer["message"]) == (0, "SUCCESS")
    done = client.get_async_fetch_task(Bucket=target, TaskId=answer["data"]["taskid"])
    assert (done["message"], done["data"]["state"]) == ("SUCCESS", "TASK_DONE")
    stored = client.get_object(Bucket=target, Key="copy")
    assert stored["Body"].get_raw_stream().read() == b"hello"
    assert stored["Content-Type"] == "text/plain"


def test_a_task_that_fails_says_why(cloud, client):
    bucket = cloud.new_bucket()
    client.put_object(Bucket=bucket, Key="k", Body=b"hello")
    private = f"http://{bucket}.cos.ap-guangzhou.myqcloud.com/k"
    signed = client.get_presigned_url(Bucket=bucket, Key="k", Method="GET")
    for url, md5, code in (
        (private, "", "AccessDenied"),
        (signed, "00000000000000000000000000000000", "BadDigest"),
    ):
        number = task(client, bucket, url, MD5=md5)["data"]["taskid"]
        done = client.get_async_fetch_task(Bucket=bucket, TaskId=number)["data"]
        assert (done["state"], done["code"]) == ("TASK_FAILED", code)
    assert not client.object_exists(Bucket=bucket, Key="copy")


@pytest.mark.parametrize("url", ["http://example.com/x", "https://a.b/c", "file:///etc/x", "x"])
def test_no_network_is_opened(cloud, client, url):
    answer = task(client, cloud.new_bucket(), url)
    assert answer["code"] == 501
    assert "opens no network" in answer["message"]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"Url": "x"}', '{"Url": "x", "Key": 1}', "{"])
def test_what_is_no_task(cloud, body):
    bucket = cloud.new_bucket()
    host = "http://ap-guangzhou.migration.myqcloud.com"
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}
    answer = session.post(f"{host}/{bucket}/", data=body, timeout=20)
    assert (answer.status_code, "AccessDenied" in answer.json()["message"]) == (403, True)
    signed = CosS3Auth(cloud.client()._conf, f"{bucket}/")
    answer = session.post(f"{host}/{bucket}/", data=body, timeout=20, auth=signed)
    assert (answer.status_code, "InvalidArgument" in answer.json()["message"]) == (400, True)


def test_a_task_that_is_not_there(cloud, client):
    answer = client.get_async_fetch_task(Bucket=cloud.new_bucket(), TaskId="none")
    assert (answer["code"], "NoSuchTask" in answer["message"]) == (404, True)
