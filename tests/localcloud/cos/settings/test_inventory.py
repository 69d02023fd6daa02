"""The lists that inventory configurations ask for: their place, manifest and rows."""

import csv
import gzip
import hashlib
import io
import json
import re
import time

import pytest

REGION = "ap-guangzhou"
APPID = "1250000000"


def body(client, bucket, key):
    return client.get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream().read()


def keys(client, bucket, prefix=""):
    contents = client.list_objects(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [entry["Key"] for entry in contents]


def configuration(target, *, prefix="lists", form="CSV", fields=(), versions="Current", **more):
    place = {
        "AccountId": "100000000001",
        "Bucket": f"qcs::cos:{REGION}::{target}",
        "Format": form,
    }
    if prefix:
        place["Prefix"] = prefix
    return {
        "Destination": {"COSBucketDestination": place},
        "IncludedObjectVersions": versions,
        "OptionalFields": {"Field": list(fields)},
        **more,
    }


def written(client, bucket, prefix=""):
    """The manifests of a bucket: key -> document."""
    found = [key for key in keys(client, bucket, prefix) if key.endswith("/manifest.json")]
    return {key: json.loads(body(client, bucket, key)) for key in found}


def rows(client, bucket, manifest):
    columns = [column.strip() for column in manifest["fileSchema"].split(",")]
    (listed,) = manifest["files"]
    text = gzip.decompress(body(client, bucket, listed["key"])).decode()
    return [dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(text))]


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture
def bucket(cloud):
    return cloud.new_bucket()


def once(client, bucket, target=None, list_id="now", **options):
    client.post_bucket_inventory(
        Bucket=bucket,
        Id=list_id,
        InventoryConfiguration=configuration(target or bucket, **options),
    )


def test_a_list_at_once(client, bucket):
    client.put_object(Bucket=bucket, Key="a b+中.txt", Body=b"four", StorageClass="STANDARD_IA")
    client.put_object(Bucket=bucket, Key="z", Body=b"")
    fields = ("Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded")
    once(client, bucket, fields=(*fields, "ReplicationStatus"))
    name = bucket.rpartition("-")[0]
    ((key, manifest),) = written(client, bucket).items()
    form = rf"lists/{APPID}/{name}/now_instant_\d{{14}}/\d{{8}}/manifest\.json"
    assert re.fullmatch(form, key)
    text = body(client, bucket, key)
    checksum = body(client, bucket, key.replace(".json", ".checksum"))
    assert checksum.decode() == hashlib.md5(text, usedforsecurity=False).hexdigest()
    (listed,) = manifest.pop("files")
    assert manifest == {
        "sourceAppid": APPID,
        "sourceBucket": name,
        "destinationAppid": APPID,
        "destinationBucket": name,
        "fileFormat": "CSV",
        "listObjectCount": "2",
        "listStorageSize": "4",
        "filterObjectCount": "2",
        "filterStorageSize": "4",
        "fileSchema": ", ".join(("Appid", "Bucket", "Key", *fields, "ReplicationStatus")),
    }
    packed = body(client, bucket, listed["key"])
    assert re.fullmatch(key.rpartition("/")[0][:-8] + r"[0-9a-f]{32}\.csv\.gz", listed["key"])
    assert listed["size"] == str(len(packed))
    assert listed["md5Checksum"] == hashlib.md5(packed, usedforsecurity=False).hexdigest()
    first, second = rows(client, bucket, {**manifest, "files": [listed]})
    head = client.head_object(Bucket=bucket, Key="a b+中.txt")
    assert first == {
        "Appid": APPID,
        "Bucket": name,
        "Key": "a%20b%2B%E4%B8%AD.txt",
        "Size": "4",
        "LastModifiedDate": first["LastModifiedDate"],
        "ETag": head["ETag"],
        "StorageClass": "STANDARD_IA",
        "IsMultipartUploaded": "false",
        "ReplicationStatus": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["LastModifiedDate"])
    assert (second["Key"], second["StorageClass"]) == ("z", "STANDARD")


def test_a_prefix_tags_and_times(client, bucket):
    client.put_object(Bucket=bucket, Key="in/a", Body=b"12", Metadata={"x-cos-tagging": "k=v&m=n"})
    client.put_object(Bucket=bucket, Key="in/b", Body=b"1")
    client.put_object(Bucket=bucket, Key="out/c", Body=b"1")
    tag = {"Key": "k", "Value": "v"}
    now = int(time.time())
    for number, (chosen, expected) in enumerate(
        (
            ({"Prefix": "in/"}, ["in/a", "in/b"]),
            ({"And": {"Prefix": "in/", "Tag": tag}}, ["in/a"]),
            ({"Prefix": "in/", "Period": {"StartTime": str(now + 900)}}, []),
            ({"Prefix": "in/", "Period": {"EndTime": str(now + 900)}}, ["in/a", "in/b"]),
        )
    ):
        prefix = f"lists{number}"
        once(client, bucket, list_id=f"l{number}", prefix=prefix, fields=("Tag",), Filter=chosen)
        ((_, manifest),) = written(client, bucket, prefix).items()
        found = rows(client, bucket, manifest)
        assert [row["Key"] for row in found] == expected
        assert manifest["filterObjectCount"] == str(len(expected))
        assert manifest["listObjectCount"] == "2"
        assert [row["Tag"] for row in found[:1]] == (["k=v&m=n"] if expected else [])


def test_all_versions(client, bucket):
    client.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    for text in (b"1", b"22"):
        client.put_object(Bucket=bucket, Key="in/a", Body=text)
    client.delete_object(Bucket=bucket, Key="in/a")
    once(client, bucket, versions="All", fields=("Size",), Filter={"Prefix": "in/"})
    ((_, manifest),) = written(client, bucket).items()
    found = rows(client, bucket, manifest)
    told = [(row["IsLatest"], row["IsDeleteMarker"], row["Size"]) for row in found]
    assert told == [("true", "true", "0"), ("false", "false", "2"), ("false", "false", "1")]
    assert len({row["VersionId"] for row in found}) == 3


def test_another_bucket_without_a_prefix(cloud, client, bucket):
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    target = cloud.new_bucket()
    once(client, bucket, target, prefix="")
    ((key, manifest),) = written(client, target).items()
    assert key.startswith(f"{APPID}/{bucket.rpartition('-')[0]}/now_instant_")
    assert manifest["destinationBucket"] == target.rpartition("-")[0]
    assert keys(client, bucket) == ["a"]


def test_it_may_be_encrypted(client, bucket):
    options = configuration(bucket)
    options["Destination"]["COSBucketDestination"]["Encryption"] = {"SSE-COS": ""}
    client.post_bucket_inventory(Bucket=bucket, Id="now", InventoryConfiguration=options)
    ((key, _),) = written(client, bucket).items()
    head = client.head_object(Bucket=bucket, Key=key)
    assert head["x-cos-server-side-encryption"] == "AES256"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"form": "ORC"}, "ORC"),
        ({"target": "nowhere-1250000000"}, "does not exist"),
        ({"target": "examplebucket-1250000001"}, "does not exist"),
        ({"Filter": {"StorageClass": "STANDARD"}}, "StorageClass"),
        ({"Filter": {"Period": {"StartTime": "yesterday"}}}, "yesterday"),
    ],
)
def test_what_cannot_be_written_is_in_the_log(cloud, client, bucket, changes, named):
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    once(client, bucket, **changes)
    assert keys(client, bucket) == ["a"]
    lines = [line for line in cloud.log.read_text().splitlines() if bucket in line]
    assert len(lines) == 1
    assert named in lines[0]


DAY = 86_400


@pytest.mark.parametrize(("frequency", "days"), [("Daily", 1), ("Weekly", 7)])
def test_by_the_clock(inside, frequency, days):
    from localcloud.cos.settings import inventory
    from tests.conftest import sdk_client

    client, bucket = sdk_client(inside.url), f"examplebucket-{APPID}"
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    wanted = configuration(bucket, IsEnabled="true", Schedule={"Frequency": frequency})
    client.put_bucket_inventory(Bucket=bucket, Id="one", InventoryConfiguration=wanted)

    def sweep():
        return inside.wait(inventory.sweep(inside.cloud))

    assert sweep() == 0
    inside.advance(days * DAY - 60)
    assert sweep() == 0
    inside.advance(120)
    assert sweep() == 1
    assert sweep() == 0
    ((key, _),) = written(client, bucket).items()
    # The day is that of the cloud's clock, in China's time.
    day = time.strftime("%Y%m%d", time.gmtime(inside.cloud.clock() + 8 * 3600))
    assert key == f"lists/{APPID}/examplebucket/one/{day}/manifest.json"
    inside.advance(days * DAY)
    assert sweep() == 1
    assert len(written(client, bucket)) == 2
    client.put_bucket_inventory(
        Bucket=bucket, Id="one", InventoryConfiguration={**wanted, "IsEnabled": "false"}
    )
    inside.advance(30 * DAY)
    assert sweep() == 0


def test_days_ahead(start_cloud, tmp_path):
    """`serve --days-ahead` writes what is due when it starts."""
    bucket = f"examplebucket-{APPID}"
    wanted = configuration(bucket, IsEnabled="true", Schedule={"Frequency": "Daily"})
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        cloud.client().put_bucket_inventory(Bucket=bucket, Id="one", InventoryConfiguration=wanted)
        assert written(cloud.client(), bucket) == {}
    with start_cloud("--no-functions", "--days-ahead", "1.01", data=tmp_path / "data") as cloud:
        deadline = time.monotonic() + 20
        while not (found := written(cloud.client(), bucket)):
            assert time.monotonic() < deadline
        assert len(found) == 1
