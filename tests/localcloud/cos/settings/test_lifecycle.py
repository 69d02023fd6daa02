"""Lifecycle rules: what may stand in them, and what they do when the clock is moved."""

import re
import time
from types import SimpleNamespace

import pytest
from qcloud_cos import CosServiceError

from localcloud.config import DEFAULT_BUCKET
from localcloud.cos.settings import expiry
from localcloud.cos.settings.lifecycle import When
from tests.conftest import sdk_client

DAY = 86_400
ONE_DAY = {"Expiration": {"Days": 1}}


@pytest.fixture
def life(inside):
    """A cloud whose clock moves: `life.rules(...)`, then `life.after(days)` runs them."""

    def rules(*given):
        document = {"Rule": [{"Status": "Enabled", **rule} for rule in given]}
        client.put_bucket_lifecycle(Bucket=DEFAULT_BUCKET, LifecycleConfiguration=document)

    def after(days):
        inside.cloud.clock = lambda: time.time() + days * DAY
        return inside.wait(expiry.sweep(inside.cloud))

    def put(key, body=b"x", **options):
        return client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=body, **options)

    def keys():
        listed = client.list_objects(Bucket=DEFAULT_BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed]

    client = sdk_client(inside.url)
    return SimpleNamespace(
        client=client, rules=rules, after=after, put=put, keys=keys, events=inside.events
    )


def prefixed(prefix, **actions):
    return {"Filter": {"Prefix": prefix}, **actions}


def test_objects_go_after_their_days(life):
    life.rules(prefixed("logs/", Expiration={"Days": 30}))
    for key in ("logs/a", "logs/b", "other"):
        life.put(key)
    assert life.after(29).removed == 0
    assert life.keys() == ["logs/a", "logs/b", "other"]
    seen = len(life.events)
    assert life.after(32).removed == 2
    assert life.keys() == ["other"]
    assert len(life.events) == seen
    assert life.after(32) == expiry.Done()


def test_only_enabled_rules_count(life):
    life.rules({"Status": "Disabled", **prefixed("", Expiration={"Days": 1})})
    life.put("k")
    assert life.after(100).removed == 0


def test_a_date(life):
    life.put("k")
    life.rules(prefixed("", Expiration={"Date": "2099-01-01T00:00:00+08:00"}))
    assert life.after(30).removed == 0
    assert life.after(80 * 366).removed == 1


def test_tags_and_sizes_select(life):
    two = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    life.rules(
        {"Filter": {"And": {"Prefix": "t/", "Tag": two}}, "Expiration": {"Days": 1}},
        {
            "Filter": {"And": {"Prefix": "s/", "ObjectSizeGreaterThan": 10}},
            "Expiration": {"Days": 1},
        },
        {"Filter": {"Tag": [two[0]]}, "Expiration": {"Days": 9}},
    )
    life.put("t/both", **{"Tagging": "a=1&b=2"})
    life.put("t/one", **{"Tagging": "a=1"})
    life.put("x/one", **{"Tagging": "a=1"})
    life.put("s/large", b"x" * 11)
    life.put("s/small", b"x" * 10)
    life.after(3)
    assert life.keys() == ["s/small", "t/one", "x/one"]
    life.after(11)
    assert life.keys() == ["s/small"]


def test_storage_classes_get_colder_and_never_warmer(life):
    moves = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "ARCHIVE"}]
    life.rules(prefixed("", Transition=moves))
    life.put("k", Metadata={"x-cos-meta-a": "kept"})
    life.put("deep", StorageClass="DEEP_ARCHIVE")

    def class_of(key):
        head = life.client.head_object(Bucket=DEFAULT_BUCKET, Key=key)
        return head.get("x-cos-storage-class", "STANDARD")

    assert life.after(10).moved == 0
    assert (life.after(40).moved, class_of("k")) == (1, "STANDARD_IA")
    assert (life.after(100).moved, class_of("k")) == (1, "ARCHIVE")
    assert (life.after(40).moved, class_of("k")) == (0, "ARCHIVE")
    assert class_of("deep") == "DEEP_ARCHIVE"
    head = life.client.head_object(Bucket=DEFAULT_BUCKET, Key="k")
    assert head["x-cos-meta-a"] == "kept"


def test_unfinished_uploads_are_aborted(life):
    for key in ("up/a", "other"):
        life.client.create_multipart_upload(Bucket=DEFAULT_BUCKET, Key=key)
    life.rules(prefixed("up/", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}))
    assert life.after(6).aborted == 0
    assert life.after(9).aborted == 1
    left = life.client.list_multipart_uploads(Bucket=DEFAULT_BUCKET)["Upload"]
    assert [upload["Key"] for upload in left] == ["other"]


def versions(life):
    listed = life.client.list_objects_versions(Bucket=DEFAULT_BUCKET)
    return len(listed.get("Version", [])), len(listed.get("DeleteMarker", []))


def test_versions_and_delete_markers(life):
    life.client.put_bucket_versioning(Bucket=DEFAULT_BUCKET, Status="Enabled")
    for body in (b"1", b"2", b"3"):
        life.put("k", body)
    life.rules(
        prefixed(
            "",
            Expiration={"Days": 60},
            NoncurrentVersionExpiration={"NoncurrentDays": 30},
            NoncurrentVersionTransition=[{"NoncurrentDays": 5, "StorageClass": "ARCHIVE"}],
        ),
        prefixed("", Expiration={"ExpiredObjectDeleteMarker": "true"}),
    )
    assert life.after(7).moved == 2
    assert versions(life) == (3, 0)
    assert life.after(32).removed == 2
    assert versions(life) == (1, 0)
    assert life.after(62).removed == 1  # hidden by a delete marker, which is of today
    assert (versions(life), life.keys()) == ((1, 1), [])
    assert life.after(93).removed == 1  # the version behind the marker
    assert versions(life) == (0, 1)
    assert life.after(93).removed == 1  # the marker that hides nothing
    assert versions(life) == (0, 0)


def test_many_objects_over_several_pages(life):
    for n in range(450):
        life.put(f"p/{n:04}", b"")
    life.put("q")
    life.rules(prefixed("p/0", Expiration={"Days": 1}), prefixed("p/", Expiration={"Days": 1}))
    assert life.after(3).removed == 450
    assert life.keys() == ["q"]


def test_the_day_of_the_service_starts_at_midnight_in_china():
    uploaded = 1_800_000_000 // DAY * DAY + 15 * 3600  # 15:00 UTC, 23:00 in China
    midnight = uploaded + DAY + 3600
    assert not When(days=1).has_come(uploaded, midnight - 1)
    assert When(days=1).has_come(uploaded, midnight)


def test_a_served_cloud_days_ahead(start_cloud, tmp_path):
    name, data = DEFAULT_BUCKET, tmp_path / "kept"
    with start_cloud("--no-functions", data=data) as today:
        client = today.client()
        client.put_object(Bucket=name, Key="k", Body=b"x")
        rule = {"Status": "Enabled", **prefixed("", Expiration={"Days": 30})}
        client.put_bucket_lifecycle(Bucket=name, LifecycleConfiguration={"Rule": [rule]})
    with start_cloud("--no-functions", "--days-ahead", "32", data=data) as later:
        listed = later.client().list_objects(Bucket=name)
        assert "Contents" not in listed
        assert re.search(r"lifecycle: 1 removed", later.log.read_text())


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "MalformedXML"),
        ([{"Status": "Enabled"}], "MalformedXML"),
        ([{"Status": "On", **ONE_DAY}], "MalformedXML"),
        ([{**ONE_DAY}], "MalformedXML"),
        ([{"Status": "Enabled", **ONE_DAY}] * 1001, "InvalidArgument"),
        ([{"Status": "Enabled", "ID": "same", **ONE_DAY}] * 2, "InvalidArgument"),
        ([{"Status": "Enabled", "ID": "x" * 256, **ONE_DAY}], "InvalidArgument"),
        ([{"Status": "Enabled", "Expiration": {"Days": 0}}], "InvalidArgument"),
        ([{"Status": "Enabled", "Expiration": {"Days": 3651}}], "InvalidArgument"),
        ([{"Status": "Enabled", "Expiration": {"Days": "soon"}}], "MalformedXML"),
        ([{"Status": "Enabled", "Expiration": {"Date": "tomorrow"}}], "InvalidArgument"),
        (
            [{"Status": "Enabled", "Expiration": {"Date": "2099-01-01T12:00:00Z"}}],
            "InvalidArgument",
        ),
        (
            [{"Status": "Enabled", "Expiration": {"Days": 1, "Date": "2099-01-01T00:00:00Z"}}],
            "MalformedXML",
        ),
        (
            [
                {
                    "Status": "Enabled",
                    "Expiration": {"Date": "2099-01-01T00:00:00Z"},
                    "Transition": {"Days": 1, "StorageClass": "ARCHIVE"},
                }
            ],
            "InvalidArgument",
        ),
        (
            [{"Status": "Enabled", "Transition": {"Days": 1, "StorageClass": "STANDARD"}}],
            "MalformedXML",
        ),
        (
            [
                {
                    "Status": "Enabled",
                    "Transition": {"Days": 9, "StorageClass": "ARCHIVE"},
                    "Expiration": {"Days": 9},
                }
            ],
            "InvalidArgument",
        ),
        (
            [
                {
                    "Status": "Enabled",
                    "Filter": {"Tag": [{"Key": "k", "Value": "v"}]},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ],
            "InvalidRequest",
        ),
    ],
)
def test_rules_that_are_refused(client, bucket, rules, code):
    with pytest.raises(CosServiceError) as caught:
        client.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": rules})
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)


def test_a_thousand_rules(client, bucket):
    rules = [{"ID": f"r{n}", "Status": "Enabled", **ONE_DAY} for n in range(1000)]
    client.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": rules})
    assert len(client.get_bucket_lifecycle(Bucket=bucket)["Rule"]) == 1000
