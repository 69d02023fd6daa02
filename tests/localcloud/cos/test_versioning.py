"""Versions of objects, as the SDK sees them."""

import pytest
import requests
from qcloud_cos import CosServiceError
from qcloud_cos.cos_auth import CosS3Auth

from tests.localcloud.imaging.pictures import opened, photo

KEY = "a/b.txt"


def fetched(cloud, url):
    proxies = {"http": cloud.url}
    return requests.get(url, proxies=proxies, timeout=30)


class Versions:
    """A fresh bucket, with what the tests ask of its versions."""

    def __init__(self, cloud, state="Enabled"):
        self.client, self.name = cloud.client(), cloud.new_bucket()
        self.cloud = cloud
        if state:
            self.switch(state)

    def switch(self, state):
        self.client.put_bucket_versioning(Bucket=self.name, Status=state)

    def put(self, body, key=KEY):
        answer = self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return answer.get("x-cos-version-id")

    def get(self, version=None, key=KEY):
        options = {"VersionId": version} if version else {}
        answer = self.client.get_object(Bucket=self.name, Key=key, **options)
        return answer["Body"].get_raw_stream().read()

    def delete(self, version=None, key=KEY):
        options = {"VersionId": version} if version else {}
        return self.client.delete_object(Bucket=self.name, Key=key, **options)

    def listed(self, **options):
        """(key, version, newest, marker) of the whole list, in order, pages joined."""
        found = []
        while True:
            page = self.client.list_objects_versions(Bucket=self.name, **options)
            rows = [(row, False) for row in page.get("Version", [])]
            rows += [(row, True) for row in page.get("DeleteMarker", [])]
            found += [
                (row["Key"], row["VersionId"], row["IsLatest"] == "true", marker)
                for row, marker in rows
            ]
            if page["IsTruncated"] == "false":
                return found
            options |= {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page.get("NextVersionIdMarker") or "",
            }

    def refused(self, work, *arguments, **options):
        with pytest.raises(CosServiceError) as caught:
            work(*arguments, **options)
        return caught.value.get_status_code(), caught.value.get_error_code()


@pytest.fixture
def versions(cloud):
    return Versions(cloud)


def test_the_switch(cloud):
    versions = Versions(cloud, state="")
    client, name = versions.client, versions.name
    assert "Status" not in client.get_bucket_versioning(Bucket=name)
    for state in ("Enabled", "Suspended", "Enabled"):
        versions.switch(state)
        assert client.get_bucket_versioning(Bucket=name)["Status"] == state
    conf = client.get_conf()
    assert versions.refused(
        client.send_request,
        method="PUT",
        url=conf.uri(bucket=name),
        bucket=name,
        auth=CosS3Auth(conf, "/", {"versioning": ""}),
        params={"versioning": ""},
        data=b"<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>",
        headers={},
    ) == (400, "MalformedXML")


def test_every_version_stays_readable(versions):
    first, second = versions.put("one"), versions.put("two")
    assert first != second
    assert (versions.get(), versions.get(first), versions.get(second)) == (b"two", b"one", b"two")
    head = versions.client.head_object(Bucket=versions.name, Key=KEY, VersionId=first)
    assert (head["x-cos-version-id"], head["Content-Length"]) == (first, "3")
    assert versions.listed() == [(KEY, second, True, False), (KEY, first, False, False)]


def test_a_bucket_without_versions_tells_of_none(cloud):
    versions = Versions(cloud, state="")
    assert versions.put("one") is None
    assert "x-cos-version-id" not in versions.client.head_object(Bucket=versions.name, Key=KEY)
    assert versions.listed() == [(KEY, "null", True, False)]
    assert versions.get("null") == b"one"
    versions.delete()
    assert versions.listed() == []


def test_what_was_there_before_is_the_null_version(cloud):
    versions = Versions(cloud, state="")
    versions.put("before")
    versions.switch("Enabled")
    new = versions.put("after")
    assert versions.get("null") == b"before"
    assert versions.listed() == [(KEY, new, True, False), (KEY, "null", False, False)]
    versions.delete("null")
    assert versions.listed() == [(KEY, new, True, False)]


def test_deleting_hides_and_a_deleted_marker_shows_again(versions):
    only = versions.put("one")
    gone = versions.delete()
    marker = gone["x-cos-version-id"]
    assert gone["x-cos-delete-marker"] == "true"
    assert versions.refused(versions.get) == (404, "NoSuchKey")
    assert versions.refused(versions.get, marker) == (405, "MethodNotAllowed")
    assert versions.get(only) == b"one"
    assert versions.listed() == [(KEY, only, False, False), (KEY, marker, True, True)]
    assert "Contents" not in versions.client.list_objects(Bucket=versions.name)
    assert versions.delete(marker)["x-cos-delete-marker"] == "true"
    assert versions.get() == b"one"
    assert versions.listed() == [(KEY, only, True, False)]


def test_the_answer_for_a_hidden_object_says_so(versions):
    versions.put("one")
    marker = versions.delete()["x-cos-version-id"]
    with pytest.raises(CosServiceError) as caught:
        versions.client.head_object(Bucket=versions.name, Key=KEY)
    assert caught.value.get_status_code() == 404
    url = versions.client.get_presigned_url(Bucket=versions.name, Key=KEY, Method="GET")
    answer = fetched(versions.cloud, url)
    assert answer.headers["x-cos-delete-marker"] == "true"
    assert answer.headers["x-cos-version-id"] == marker


def test_deleting_the_newest_shows_the_one_before(versions):
    first, second = versions.put("one"), versions.put("two")
    versions.delete(second)
    assert versions.get() == b"one"
    versions.delete(first)
    assert versions.refused(versions.get) == (404, "NoSuchKey")
    assert versions.listed() == []
    versions.delete(first)
    versions.delete("MTg0NDUwNjE0NTcwNTQ2MTUzNTE")


def test_removing_a_version_behind_a_marker_keeps_the_object_hidden(versions):
    first = versions.put("one")
    versions.put("two")
    versions.delete()
    versions.delete(first)
    assert versions.refused(versions.get) == (404, "NoSuchKey")
    assert len(versions.listed()) == 2


def test_a_missing_object_gets_a_marker_too(versions):
    assert versions.delete(key="never")["x-cos-delete-marker"] == "true"
    assert [row[3] for row in versions.listed()] == [True]


def test_suspended_keeps_old_versions_and_one_null_version(versions):
    old = versions.put("one")
    versions.switch("Suspended")
    assert versions.put("two") == "null"
    assert versions.put("three") == "null"
    assert versions.listed() == [(KEY, "null", True, False), (KEY, old, False, False)]
    assert (versions.get(), versions.get(old)) == (b"three", b"one")
    assert versions.delete()["x-cos-version-id"] == "null"
    assert versions.listed() == [(KEY, old, False, False), (KEY, "null", True, True)]
    versions.delete()
    assert len(versions.listed()) == 2
    assert versions.put("four") == "null"
    assert versions.listed() == [(KEY, "null", True, False), (KEY, old, False, False)]
    versions.switch("Enabled")
    new = versions.put("five")
    assert [row[1] for row in versions.listed()] == [new, "null", old]


def test_an_unknown_version(versions):
    versions.put("one")
    assert versions.refused(versions.get, "nonsense") == (404, "NoSuchVersion")
    assert versions.refused(versions.get, "x", key="never") == (404, "NoSuchVersion")


def test_tags_and_acl_belong_to_a_version(versions):
    first, second = versions.put("one"), versions.put("two")
    tags = {"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}}
    client, name = versions.client, versions.name
    client.put_object_tagging(Bucket=name, Key=KEY, Tagging=tags, VersionId=first)

    def tagged(version):
        url = client.get_presigned_url(
            Bucket=name, Key=KEY, Method="GET", Params={"tagging": "", "versionId": version}
        )
        return b"<Key>k</Key>" in fetched(versions.cloud, url).content

    assert (tagged(first), tagged(second)) == (True, False)


def test_copies_of_a_version(versions):
    first = versions.put("one")
    versions.put("two")
    source = {
        "Bucket": versions.name, "Key": KEY, "Region": versions.cloud.region, "VersionId": first,
    }  # fmt: skip
    answer = versions.client.copy_object(Bucket=versions.name, Key="copy", CopySource=source)
    assert answer["x-cos-copy-source-version-id"] == first
    assert versions.get(key="copy") == b"one"
    source["VersionId"] = "nonsense"
    assert versions.refused(
        versions.client.copy_object, Bucket=versions.name, Key="copy", CopySource=source
    ) == (404, "NoSuchVersion")


def test_many_at_once(versions):
    first, second = versions.put("one"), versions.put("two", key="other")
    answer = versions.client.delete_objects(
        Bucket=versions.name,
        Delete={"Object": [{"Key": KEY, "VersionId": first}, {"Key": "other"}, {"Key": "never"}]},
    )
    rows = {row["Key"]: row for row in answer["Deleted"]}
    assert rows[KEY]["VersionId"] == first
    assert "DeleteMarker" not in rows[KEY]
    assert rows["other"]["DeleteMarker"] == "true"
    assert versions.get(second, key="other") == b"two"
    assert (KEY, first, True, False) not in versions.listed()


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_the_list_comes_whole_in_any_pages(versions, limit):
    for key in ("a", "b/1", "b/2", "c", "中"):
        for body in ("1", "2", "3"):
            versions.put(body, key=key)
    versions.delete(key="c")
    whole = versions.listed()
    assert sorted(versions.listed(MaxKeys=limit)) == sorted(whole)
    assert len(whole) == 16
    assert [row for row in whole if row[2]] == [
        row for row in whole if row[2] and (row[3] or row[0] != "c")
    ]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_groups_and_prefixes(versions, limit):
    for key in ("a", "b/1", "b/2", "b/c/3", "d/1", "e"):
        versions.put("1", key=key)
        versions.put("2", key=key)
    groups, keys, options = [], [], {}
    while True:
        page = versions.client.list_objects_versions(
            Bucket=versions.name, Delimiter="/", MaxKeys=limit, **options
        )
        groups += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
        keys += [row["Key"] for row in page.get("Version", [])]
        assert len(page.get("CommonPrefixes", [])) + len(page.get("Version", [])) <= limit
        if page["IsTruncated"] == "false":
            break
        options = {
            "KeyMarker": page["NextKeyMarker"],
            "VersionIdMarker": page.get("NextVersionIdMarker") or "",
        }
    assert groups == ["b/", "d/"]
    assert keys == ["a", "a", "e", "e"]
    page = versions.client.list_objects_versions(Bucket=versions.name, Prefix="b/c")
    assert [row["Key"] for row in page["Version"]] == ["b/c/3", "b/c/3"]


def test_a_marker_that_is_wrong_is_refused(versions):
    versions.put("one")
    list_ = versions.client.list_objects_versions
    name = versions.name
    for options in ({"VersionIdMarker": "x"}, {"KeyMarker": KEY, "VersionIdMarker": "x"}):
        assert versions.refused(list_, Bucket=name, **options) == (400, "InvalidArgument")


def test_a_bucket_with_old_versions_is_not_empty(versions):
    only = versions.put("one")
    marker = versions.delete()["x-cos-version-id"]
    assert versions.refused(versions.client.delete_bucket, Bucket=versions.name) == (
        409, "BucketNotEmpty",
    )  # fmt: skip
    versions.delete(only)
    versions.delete(marker)
    versions.client.delete_bucket(Bucket=versions.name)


def test_an_image_rule_on_an_old_version(versions):
    first = versions.put(photo(100, 60), key="a.jpg")
    versions.put(photo(40, 40), key="a.jpg")
    url = versions.client.get_presigned_url(
        Bucket=versions.name, Key="a.jpg", Method="GET", Params={"versionId": first}
    )
    assert opened(fetched(versions.cloud, f"{url}&imageMogr2/thumbnail/!50p").content).size == (
        50,
        30,
    )
