"""GET Bucket: order, groups, pages, encodings."""

import pytest

KEYS = ["a", "a/1", "a/2", "a/b/3", "b", "c+d e", "dir/", "dir/x", "中/文", "😀"]


@pytest.fixture(scope="module")
def bucket(cloud):
    name = cloud.new_bucket()
    for key in KEYS:
        cloud.client().put_object(Bucket=name, Key=key, Body=b"x")
    return name


def listed(cloud, bucket, **options):
    answer = cloud.client().list_objects(Bucket=bucket, **options)
    keys = [item["Key"] for item in answer.get("Contents", [])]
    groups = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    return keys, groups, answer


def pages(cloud, bucket, size, **options):
    keys, groups, marker = [], [], ""
    for _ in range(40):
        some, prefixes, answer = listed(cloud, bucket, MaxKeys=size, Marker=marker, **options)
        assert len(some) + len(prefixes) <= size
        keys += some
        groups += prefixes
        if answer["IsTruncated"] == "false":
            return keys, groups
        marker = answer["NextMarker"]
    pytest.fail("the pages do not end")


@pytest.mark.parametrize(
    ("options", "keys", "groups"),
    [
        ({}, KEYS, []),
        ({"Prefix": "a/"}, ["a/1", "a/2", "a/b/3"], []),
        ({"Delimiter": "/"}, ["a", "b", "c+d e", "😀"], ["a/", "dir/", "中/"]),
        ({"Prefix": "a/", "Delimiter": "/"}, ["a/1", "a/2"], ["a/b/"]),
        ({"Prefix": "dir/", "Delimiter": "/"}, ["dir/", "dir/x"], []),
        ({"Prefix": "a", "Delimiter": "b"}, ["a", "a/1", "a/2"], ["a/b"]),
        ({"Prefix": "nothing"}, [], []),
        ({"Marker": "a/2"}, KEYS[3:], []),
        ({"Marker": "zzz"}, ["中/文", "😀"], []),
        ({"Prefix": "中"}, ["中/文"], []),
        ({"Prefix": "c+d "}, ["c+d e"], []),
    ],
)
def test_what_is_listed(cloud, bucket, options, keys, groups):
    assert listed(cloud, bucket, **options)[:2] == (keys, groups)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("options", [{}, {"Delimiter": "/"}, {"Prefix": "a", "Delimiter": "/"}])
def test_pages_add_up(cloud, bucket, size, options):
    whole = listed(cloud, bucket, **options)[:2]
    assert pages(cloud, bucket, size, **options) == whole


def test_an_entry_has_what_clients_read(cloud, bucket):
    item = listed(cloud, bucket, MaxKeys=1)[2]["Contents"][0]
    assert (item["Key"], item["Size"], item["StorageClass"]) == ("a", "1", "STANDARD")
    assert item["ETag"] == '"9dd4e461268c8034f5c8564e155c67a6"'
    assert item["LastModified"].endswith("Z")


def test_without_encoding_keys_are_plain(signed):
    signed("PUT", "/a%20b%26", key="a b&", data=b"x")
    assert "<Key>a b&amp;</Key>" in signed("GET", "/").text
    assert "<Key>a%20b%26</Key>" in signed("GET", "/", params={"encoding-type": "url"}).text


@pytest.mark.parametrize("params", [{"max-keys": "x"}, {"max-keys": "-1"}, {"encoding-type": "z"}])
def test_a_bad_parameter(signed, params):
    answer = signed("GET", "/", params=params)
    assert answer.status_code == 400
    assert "<Code>InvalidArgument</Code>" in answer.text
    assert next(iter(params)) in answer.text


def test_no_keys_wanted(cloud, bucket):
    keys, groups, answer = listed(cloud, bucket, MaxKeys=0)
    assert (keys, groups, answer["IsTruncated"]) == ([], [], "false")


def test_the_last_character_there_is(cloud):
    bucket, last = cloud.new_bucket(), "\U0010ffff"
    for key in (f"p{last}", f"p{last}{last}/x", f"p{last}/y", "q"):
        cloud.client().put_object(Bucket=bucket, Key=key, Body=b"")
    assert listed(cloud, bucket, Prefix="p")[0] == [f"p{last}", f"p{last}/y", f"p{last}{last}/x"]
    grouped = listed(cloud, bucket, Delimiter="/")
    assert grouped[:2] == ([f"p{last}", "q"], [f"p{last}/", f"p{last}{last}/"])
