"""Storage classes, and archived objects that must be restored before they are read."""

import pytest

from tests.localcloud.conftest import Signed

DAY = 86_400


@pytest.fixture
def archived(inside):
    signed = Signed(inside.url)
    signed("PUT", "/cold", data=b"cold", headers={"x-cos-storage-class": "ARCHIVE"})
    return signed


def restore(signed, days=2, tier="Standard", key="/cold"):
    body = f"<RestoreRequest><Days>{days}</Days><CASJobParameters><Tier>{tier}</Tier>"
    body += "</CASJobParameters></RestoreRequest>"
    return signed("POST", key, params={"restore": ""}, data=body)


def code(answer):
    return answer.content.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def test_the_life_of_a_restored_copy(inside, archived):
    refused = archived("GET", "/cold")
    assert (refused.status_code, code(refused)) == (403, "InvalidObjectState")
    assert "x-cos-restore" not in archived("HEAD", "/cold").headers
    assert restore(archived).status_code == 202
    assert archived("HEAD", "/cold").headers["x-cos-restore"] == 'ongoing-request="true"'
    again = restore(archived)
    assert (again.status_code, code(again)) == (409, "RestoreAlreadyInProgress")
    assert code(archived("GET", "/cold")) == "InvalidObjectState"
    inside.advance(3600)
    answer = archived("GET", "/cold")
    assert answer.content == b"cold"
    assert answer.headers["x-cos-storage-class"] == "ARCHIVE"
    assert answer.headers["x-cos-restore"].startswith('ongoing-request="false", expiry-date="')
    assert restore(archived, days=5).status_code == 200
    inside.advance(4 * DAY)
    assert archived("GET", "/cold").content == b"cold"
    inside.advance(2 * DAY)
    assert code(archived("GET", "/cold")) == "InvalidObjectState"
    assert "x-cos-restore" not in archived("HEAD", "/cold").headers
    assert restore(archived).status_code == 202


def test_an_archived_object_is_no_source(archived):
    where = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/cold"
    answer = archived("PUT", "/copy", headers={"x-cos-copy-source": where})
    assert (answer.status_code, code(answer)) == (403, "InvalidObjectState")
    assert archived("HEAD", "/copy").status_code == 404


def test_what_is_new_is_not_restored(inside, archived):
    restore(archived)
    inside.advance(3600)
    archived("PUT", "/cold", data=b"new", headers={"x-cos-storage-class": "ARCHIVE"})
    assert code(archived("GET", "/cold")) == "InvalidObjectState"


@pytest.mark.parametrize(
    ("days", "tier", "expected"),
    [
        (0, "Standard", "InvalidArgument"),
        (366, "Standard", "InvalidArgument"),
        ("-1", "Standard", "InvalidArgument"),
        ("", "Standard", "InvalidArgument"),
        (1, "Now", "InvalidArgument"),
    ],
)
def test_bad_requests(archived, days, tier, expected):
    assert code(restore(archived, days, tier)) == expected
    assert "x-cos-restore" not in archived("HEAD", "/cold").headers


def test_what_cannot_be_restored(archived):
    archived("PUT", "/warm", data=b"x")
    archived("PUT", "/deep", data=b"x", headers={"x-cos-storage-class": "DEEP_ARCHIVE"})
    assert code(restore(archived, key="/warm")) == "InvalidObjectState"
    assert code(restore(archived, key="/none")) == "NoSuchKey"
    assert code(restore(archived, key="/deep", tier="Expedited")) == "InvalidArgument"
    assert restore(archived, key="/deep", tier="Bulk").status_code == 202
    assert code(archived("POST", "/cold", params={"restore": ""}, data="<a>")) == "MalformedXML"


def test_storage_classes_are_kept_and_listed(client, fresh, code_of):
    for name in ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "MAZ_STANDARD", "ARCHIVE"):
        client.put_object(Bucket=fresh, Key=name, Body=b"x", StorageClass=name)
    listed = client.list_objects(Bucket=fresh)["Contents"]
    assert {item["Key"]: item["StorageClass"] for item in listed} == {
        item["Key"]: item["Key"] for item in listed
    }
    assert "x-cos-storage-class" not in client.head_object(Bucket=fresh, Key="STANDARD")
    head = client.head_object(Bucket=fresh, Key="STANDARD_IA")
    assert head["x-cos-storage-class"] == "STANDARD_IA"
    found = code_of(client.put_object, Bucket=fresh, Key="x", Body=b"x", StorageClass="GLACIER")
    assert found == (400, "InvalidArgument")


def test_a_copy_has_the_class_that_it_asks_for(client, fresh):
    client.put_object(
        Bucket=fresh, Key="a", Body=b"x", StorageClass="STANDARD_IA",
        Metadata={"x-cos-meta-k": "v"},
    )  # fmt: skip
    source = {"Bucket": fresh, "Key": "a", "Region": "ap-guangzhou"}
    client.copy_object(Bucket=fresh, Key="b", CopySource=source)
    assert "x-cos-storage-class" not in client.head_object(Bucket=fresh, Key="b")
    # Onto itself with another class: its metadata stays.
    client.copy_object(Bucket=fresh, Key="a", CopySource=source, StorageClass="ARCHIVE")
    head = client.head_object(Bucket=fresh, Key="a")
    assert (head["x-cos-storage-class"], head["x-cos-meta-k"]) == ("ARCHIVE", "v")
