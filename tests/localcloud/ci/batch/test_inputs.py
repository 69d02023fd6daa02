"""The inputs of a batch job: manifest.json of a COS inventory, and a file of URLs."""

import csv
import gzip
import hashlib
import io
import json

import pytest


def outputs(bucket):
    return [*filter(lambda key: key.startswith("out/"), bucket.keys())]


def url(bucket, key, name=None):
    return f"https://{name or bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/{key}"


class Inventory:
    """An inventory of a bucket, written by hand as the service lays it out."""

    schema = "Appid, Bucket, Key, Size"

    def __init__(self, bucket, keys, *, packed=True, schema=None, name=None):
        self.bucket, self.packed = bucket, packed
        self.name, _, self.appid = (name or bucket.name).rpartition("-")
        self.rows = [(self.appid, self.name, key, "1") for key in keys]
        self.schema = schema or self.schema

    def put(self, **changes):
        """Store list and manifest; the manifest's key."""
        file = io.StringIO()
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(self.rows)
        text = file.getvalue().encode()
        data = gzip.compress(text) if self.packed else text
        self.bucket.put("inv/list.csv.gz", data)
        listed = {
            "key": "inv/list.csv.gz",
            "size": str(len(data)),
            "md5Checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        }
        manifest = {
            "sourceAppid": self.appid,
            "sourceBucket": self.name,
            "destinationAppid": self.appid,
            "destinationBucket": self.name,
            "fileFormat": "CSV",
            "fileSchema": self.schema,
            "files": [listed],
            **changes,
        }
        return self.bucket.put("inv/manifest.json", json.dumps(manifest).encode())


@pytest.mark.parametrize("packed", [True, False])
def test_a_manifest(batches, bucket, packed):
    for key in ("in/a b+c.jpg", "in/中.jpg", "in/not listed.jpg"):
        bucket.put(key)
    listed = ["in/a%20b%2Bc.jpg", "in/%E4%B8%AD.jpg", "in/gone.jpg"]
    manifest = Inventory(bucket, listed, packed=packed).put()
    done = batches.run({"Manifest": manifest})
    assert done["Message"] == "Total=3 Success=2 Failed=1"
    assert outputs(bucket) == ["out/a b+c.jpg", "out/中.jpg"]
    (failed,) = batches.jobs(done["JobId"], states="Failed")
    assert (failed["Input"]["Object"], failed["Code"]) == ("in/gone.jpg", "NoSuchKey")


def test_a_manifest_by_its_address_in_another_bucket(batches, bucket):
    bucket.put("in/a.jpg")
    other = type(bucket)(bucket.cloud)
    inventory = Inventory(other, ["in/a.jpg"], name=bucket.name)
    manifest = inventory.put()
    done = batches.run({"Manifest": url(other, manifest)})
    assert done["Message"] == "Total=1 Success=1"


def test_old_versions_and_markers_of_a_manifest(batches, bucket):
    bucket.put("in/a.jpg")
    inventory = Inventory(
        bucket, [], schema="Appid, Bucket, Key, VersionId, IsLatest, IsDeleteMarker"
    )
    for latest, marker, key in (
        ("true", "false", "in/a.jpg"), ("false", "false", "in/a.jpg"), ("true", "true", "in/b.jpg"),
    ):  # fmt: skip
        inventory.rows.append((inventory.appid, inventory.name, key, "v", latest, marker))
    done = batches.run({"Manifest": inventory.put()})
    assert done["Message"] == "Total=1 Success=1"


def test_a_row_of_another_bucket(batches, bucket):
    bucket.put("in/a.jpg")
    inventory = Inventory(bucket, ["in/a.jpg"])
    inventory.rows.append(("1250000000", "elsewhere", "x.jpg", "1"))
    done = batches.run({"Manifest": inventory.put()})
    assert done["Message"] == "Total=2 Success=1 Failed=1"
    (failed,) = batches.jobs(done["JobId"], states="Failed")
    assert "elsewhere" in failed["Message"]


def test_the_time_counts_for_listed_objects_too(batches, bucket):
    bucket.put("in/a.jpg")
    manifest = Inventory(bucket, ["in/a.jpg"]).put()
    done = batches.run({"Manifest": manifest}, TimeInterval={"End": "2001-01-01T00:00:00+0800"})
    assert done["Message"] == "Total=0"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sourceBucket": "another"}, "another"),
        ({"fileFormat": "ORC"}, "ORC"),
        ({"fileSchema": "Appid, Bucket"}, "Key"),
        ({"files": [{"key": "inv/gone.csv.gz"}]}, "does not exist"),
        ({"files": [{"key": "inv/list.csv.gz", "md5Checksum": "0" * 32}]}, "MD5"),
        ({"files": [{"key": "x"}] * 1001}, "1001"),
        ({"files": [1]}, "manifest.json"),
        ({"files": 7}, "manifest.json"),
    ],
)
def test_bad_manifests(batches, bucket, changes, named):
    bucket.put("in/a.jpg")
    done = batches.run({"Manifest": Inventory(bucket, ["in/a.jpg"]).put(**changes)})
    assert done["State"] == "Failed"
    assert done["Code"] in ("InvalidArgument", "NoSuchKey")
    assert named in done["Message"]
    assert outputs(bucket) == []


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 200_000, b"x" * (5 << 20)]
)
def test_what_is_no_manifest(batches, bucket, content):
    done = batches.run({"Manifest": bucket.put("m.json", content)})
    assert (done["State"], done["Code"]) == ("Failed", "InvalidArgument")
    assert len(done["Message"]) < 300


LISTS = {
    "header": b"\x1f\x8b broken",
    "cut": gzip.compress(b'"1","b","k","1"\n' * 100)[:-20],
    "bytes": gzip.compress(b"\xff\xfe\xfa\n"),
    "line": gzip.compress(b"x" * 200_000),
    "columns": b"1,2",
}


@pytest.mark.parametrize("data", LISTS)
def test_a_damaged_list(batches, bucket, data):
    inventory = Inventory(bucket, [])
    manifest = inventory.put(files=[{"key": "inv/bad.csv.gz"}])
    bucket.put("inv/bad.csv.gz", LISTS[data])
    done = batches.run({"Manifest": manifest})
    assert done["State"] == "Failed"
    assert "inv/bad.csv.gz" in done["Message"]


def test_a_missing_manifest(batches):
    done = batches.run({"Manifest": "nowhere/manifest.json"})
    assert (done["State"], done["Code"]) == ("Failed", "NoSuchKey")


def test_a_file_of_urls(batches, bucket):
    for key in ("in/a.jpg", "in/b c.jpg"):
        bucket.put(key)
    lines = [
        url(bucket, "in/a.jpg"), "", url(bucket, "in/b%20c.jpg"), url(bucket, "in/gone.jpg"),
        url(bucket, "in/a.jpg", "elsewhere-1250000000"), "https://example.com/x.jpg", "in/a.jpg",
    ]  # fmt: skip
    bucket.put("list.txt", "\r\n".join(lines).encode())
    done = batches.run({"UrlFile": "list.txt"})
    assert done["Message"] == "Total=6 Success=2 Failed=4"
    assert outputs(bucket) == ["out/a.jpg", "out/b c.jpg"]
    codes = {job["Input"]["Object"]: job["Code"] for job in batches.jobs(done["JobId"])}
    assert codes["in/gone.jpg"] == "NoSuchKey"
    assert codes["https://example.com/x.jpg"] == "InvalidArgument"


def test_a_long_file_of_urls(batches, bucket):
    picture = bucket.body(bucket.put("in/0.jpg"))
    for number in range(1, 250):
        bucket.put(f"in/{number}.jpg", picture)
    lines = [url(bucket, f"in/{number}.jpg") for number in range(250)]
    bucket.put("list.txt", "\n".join(lines).encode())
    assert batches.run({"UrlFile": url(bucket, "list.txt")})["Message"] == "Total=250 Success=250"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"http://" + b"x" * 20_000], ids=["bytes", "line"]
)
def test_what_is_no_file_of_urls(batches, bucket, content):
    done = batches.run({"UrlFile": bucket.put("list.txt", content)})
    assert (done["State"], done["Code"]) == ("Failed", "InvalidArgument")


def test_an_empty_file_of_urls(batches, bucket):
    assert batches.run({"UrlFile": bucket.put("list.txt", b"")})["Message"] == "Total=0"


def test_an_inventory_of_the_cloud_itself(batches, bucket):
    """What COS lists is what CI works through."""
    bucket.put("in/a b.jpg")
    bucket.put("else/x.jpg")
    bucket.client.post_bucket_inventory(
        Bucket=bucket.name,
        Id="all",
        InventoryConfiguration={
            "Destination": {
                "COSBucketDestination": {
                    "AccountId": "100000000001",
                    "Bucket": f"qcs::cos:{batches.region}::{bucket.name}",
                    "Format": "CSV",
                    "Prefix": "lists",
                }
            },
            "Filter": {"Prefix": "in/"},
            "IncludedObjectVersions": "Current",
            "OptionalFields": {"Field": ["Size", "ETag"]},
        },
    )
    (manifest,) = filter(lambda key: key.endswith("manifest.json"), bucket.keys())
    done = batches.run({"Manifest": manifest})
    assert done["Message"] == "Total=1 Success=1"
    assert outputs(bucket) == ["out/a b.jpg"]
