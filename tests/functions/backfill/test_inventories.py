"""Inventories of COS as the source: the local cloud's own, and what others may hold."""

import gzip
import itertools
import json

import pytest

from tests.functions.backfill.conftest import small


@pytest.fixture
def listed(stage):
    """Twelve objects and the manifest of an inventory of them."""
    stage.put([f"uploads/{number:02} 猫.jpg" for number in range(12)])
    stage.put(["else/x.jpg"])
    stage.manifest = inventory(stage, ["Size", "LastModifiedDate", "ETag"])
    return stage


def inventory(stage, columns):
    """Have COS write one; the key of its manifest."""
    stage.client.post_bucket_inventory(
        Bucket=stage.bucket,
        Id="all",
        InventoryConfiguration={
            "Destination": {
                "COSBucketDestination": {
                    "AccountId": "100000000001",
                    "Bucket": f"qcs::cos:ap-guangzhou::{stage.bucket}",
                    "Format": "CSV",
                    "Prefix": "lists",
                }
            },
            "IncludedObjectVersions": "Current",
            "OptionalFields": {"Field": columns},
        },
    )
    [manifest] = [key for key in stage.keys("lists/") if key.endswith("manifest.json")]
    return manifest


def test_all_that_it_lists_is_processed(listed):
    stage = listed
    cursor = stage.start(source="inventory", manifest=stage.manifest)
    assert (cursor["state"], cursor["problems"]) == ("done", [])
    assert cursor["counts"] == {"objects": 13, "invoked": 12, "unwanted": 1}
    assert len(stage.keys("out/")) == 12
    assert stage.start(source="inventory", manifest=stage.manifest)["counts"]["processed"] == 12
    counts = stage.start(source="inventory", manifest=stage.manifest, prefix="else/")["counts"]
    assert counts == {"objects": 1, "unwanted": 1}


def test_it_goes_on_in_the_middle_of_a_file(listed):
    stage, ticks = listed, itertools.count()
    stage.monkeypatch.setattr("backfill_run._CHUNK", 2)
    stage.monkeypatch.setattr(
        "backfill_run.Run.over", property(lambda run: next(ticks) % 3 == 2), raising=True
    )
    cursor = stage.start(source="inventory", manifest=stage.manifest)
    assert (cursor["state"], cursor["counts"]["invoked"]) == ("done", 12)
    assert cursor["hops"] > 2
    assert [each["outcome"] for each in stage.outcomes] == ["done"] * 12


def test_what_it_does_not_tell_is_asked_for_and_what_is_gone_is_counted(stage):
    stage.put(["uploads/a.jpg", "uploads/b.jpg"])
    manifest = inventory(stage, ["StorageClass"])
    stage.client.delete_object(Bucket=stage.bucket, Key="uploads/b.jpg")
    cursor = stage.start(source="inventory", manifest=manifest)
    assert cursor["counts"] == {"objects": 2, "invoked": 1, "gone": 1}
    assert stage.outcomes[0]["bytes"] == len(small(0))


def test_a_list_in_another_bucket_that_is_not_packed_with_old_versions(stage):
    stage.put(["uploads/a.jpg", "uploads/b.jpg", "uploads/c.jpg"])
    other = stage.project.cloud.new_bucket()
    rows = (
        '"uploads/a.jpg","true","false","x"\r\n"uploads/b.jpg","false","false","x"\r\n'
        '"uploads/c.jpg","true","true","x"\r\n\r\n'
    )
    stage.client.put_object(Bucket=other, Key="rows.csv", Body=b"\xef\xbb\xbf" + rows.encode())
    write(stage, other, schema="Key, IsLatest, IsDeleteMarker, Size")
    cursor = stage.start(source="inventory", manifest="m.json", manifest_bucket=other)
    assert cursor["counts"] == {"objects": 1, "invoked": 1}


def write(stage, bucket, schema="Key", **changes):
    name, _, appid = stage.bucket.rpartition("-")
    manifest = {
        "sourceAppid": appid, "sourceBucket": name, "fileFormat": "CSV", "fileSchema": schema,
        "files": [{"key": "rows.csv"}], **changes,
    }  # fmt: skip
    stage.client.put_object(Bucket=bucket, Key="m.json", Body=json.dumps(manifest))


@pytest.mark.parametrize(
    ("changes", "rows", "said"),
    [
        ({"sourceBucket": "other"}, b"", "is about the bucket 'other'"),
        ({"fileFormat": "ORC"}, b"", "has the format 'ORC'"),
        ({"schema": "Size"}, b"", "the columns Size"),
        ({"files": [{"key": "x"}] * 1001}, b"", "1001 files"),
        ({"files": 3}, b"", "is no manifest.json"),
        ({}, b'"' + b"x" * 20_000, "rows.csv has a line of over 16384 bytes"),
        ({}, b"\xff\xfe\n", "rows.csv is no CSV in UTF-8"),
        ({"files": [{"key": "rows.gz"}]}, b"no gzip", "rows.gz is no CSV"),
        ({"files": [{"key": "gone.csv"}]}, b"", "NoSuchKey"),
    ],
)
def test_what_is_no_inventory_is_told(stage, changes, rows, said):
    write(stage, stage.bucket, **changes)
    for key in ("rows.csv", "rows.gz"):
        stage.client.put_object(Bucket=stage.bucket, Key=key, Body=rows)
    cursor = stage.start(source="inventory", manifest="m.json")
    assert cursor["state"] == "failed"
    error = cursor["error"]
    assert said in f"{error['code']}: {error['message']}"


def test_a_manifest_that_is_not_there_or_changes(stage):
    cursor = stage.start(source="inventory", manifest="none.json")
    assert "the manifest 'none.json' is not there" in cursor["error"]["message"]
    stage.put(["uploads/a.jpg", "uploads/b.jpg"])
    rows = gzip.compress(b"uploads/a.jpg\nuploads/b.jpg\n")
    stage.client.put_object(Bucket=stage.bucket, Key="rows.gz", Body=rows)
    write(stage, stage.bucket, files=[{"key": "rows.gz"}])
    stage.monkeypatch.setattr("backfill_run._CHUNK", 1)
    ticks = itertools.count()
    with stage.monkeypatch.context() as patch:
        patch.setattr("backfill_run.Run.over", property(lambda run: next(ticks) == 1))
        stage.start(settle=False, source="inventory", manifest="m.json")
    write(stage, stage.bucket, files=[{"key": "rows.gz"}], more=1)
    stage.settle()
    cursor = stage.cursor()
    assert (cursor["state"], cursor["counts"]["invoked"]) == ("failed", 1)
    assert "has changed since the backfill began" in cursor["error"]["message"]
