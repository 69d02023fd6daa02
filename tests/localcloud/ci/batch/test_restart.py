"""Jobs go on after the cloud has ended, however it ended."""

import io
import sqlite3

import pytest
from PIL import Image

SLOW = {"PicProcess": {"ProcessRule": "imageMogr2/thumbnail/2500x/blur/50x50"}}


def small():
    file = io.BytesIO()
    Image.effect_noise((60, 40), 60).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_batch_goes_on(start_cloud, bucket_of, batches_of, wait_until, tmp_path, end):
    keys = [f"in/{number:02}.jpg" for number in range(24)]
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        bucket = bucket_of(cloud)
        for key in keys:
            bucket.put(key, small())
        batches = batches_of(bucket)
        made = batches.create({"Prefix": "in/"}, JobParam=SLOW)
        wait_until(lambda: batches.jobs(made["JobId"], states="Success"))
        getattr(cloud.process, end)()
        cloud.process.wait(30)
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        bucket.cloud, bucket.client = cloud, cloud.client()
        batches.client = bucket.client
        assert len(batches.jobs(made["JobId"], states="Submitted,Running")) > 0
        done = batches.ended(made["JobId"])
        assert (done["State"], done["Message"]) == ("Success", "Total=24 Success=24")
        jobs = batches.jobs(made["JobId"])
        assert sorted(job["Input"]["Object"] for job in jobs) == keys
        assert bucket.keys() == [*keys, *(key.replace("in/", "out/") for key in keys)]
        assert bucket.image("out/23.jpg").width == 2500
        assert "Traceback" not in cloud.log.read_text()


def test_a_paused_queue_stays_paused(start_cloud, bucket_of, batches_of, tmp_path):
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        bucket = bucket_of(cloud)
        bucket.put("in/a.jpg", small())
        batches = batches_of(bucket)
        batches.set_queue("Paused")
        batch = batches.create({"Prefix": "in/"})["JobId"]
        picture = batches.submit_picture("in/a.jpg")["JobId"]
        cloud.process.kill()
        cloud.process.wait(30)
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        batches.client = cloud.client()
        assert batches.state(batch) == "Pause"
        assert [job["State"] for job in batches.jobs()] == ["Pause"]
        batches.set_queue("Active")
        assert batches.ended(batch)["State"] == "Success"
        assert batches.picture(picture)["State"] == "Success"


def test_a_listed_input_goes_on_where_it_was(near, inside, batches_of, monkeypatch):
    """The place in the list is kept with the jobs of each page; a change of the list is told."""
    batches, jobs = batches_of(near), inside.call(lambda: inside.cloud.jobs)
    keys = [near.put(f"in/{number}.jpg", small()) for number in range(5)]
    host = f"http://{near.name}.cos.{batches.region}.myqcloud.com"
    near.put("list.txt", "\n".join(f"{host}/{key}" for key in keys).encode())
    batches.set_queue("Paused")
    half = batches.create({"UrlFile": "list.txt"})["JobId"]
    other = batches.create({"UrlFile": "list.txt"})["JobId"]
    etag = near.head("list.txt")["ETag"].strip('"')

    def stopped():
        jobs.table.set(half, cursor=f'{{"etag": "{etag}", "lines": 3, "found": 3}}')
        jobs.table.set(other, cursor='{"etag": "before", "lines": 3, "found": 3}')

    inside.call(stopped)
    batches.set_queue("Active")
    done = batches.ended(half)
    assert done["Message"] == "Total=2 Success=2"
    listed = sorted(job["Input"]["Object"] for job in batches.jobs(half))
    assert listed == keys[3:]
    changed = batches.ended(other)
    assert (changed["State"], changed["Code"]) == ("Failed", "InvalidArgument")
    assert "changed" in changed["Message"]


def test_a_cloud_without_jobs_makes_no_table(start_cloud, bucket_of):
    with start_cloud("--no-functions") as cloud:
        bucket = bucket_of(cloud)
        bucket.put("a.jpg")
        bucket.client.ci_get_media_pic_queue(Bucket=bucket.name)
        assert not (cloud.data / "jobs.sqlite3").exists()


def test_a_table_of_jobs_that_is_none(start_cloud, tmp_path):
    """A damaged file is told in a sentence, not in a trace."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jobs.sqlite3").write_bytes(b"no table" * 1000)
    with (
        pytest.raises(pytest.fail.Exception, match=r"jobs\.sqlite3") as caught,
        start_cloud("--no-functions", data=tmp_path / "data"),
    ):
        pass
    assert "Traceback" not in str(caught.value)


def test_the_table_is_sqlite(near, inside, batches_of):
    batches = batches_of(near)
    near.put("in/a.jpg", small())
    batches.run({"Prefix": "in/"})
    with sqlite3.connect(inside.cloud.config.data / "jobs.sqlite3") as database:
        assert database.execute("SELECT COUNT(*) FROM jobs").fetchone() == (2,)
