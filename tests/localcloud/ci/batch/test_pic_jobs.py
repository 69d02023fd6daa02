"""`/pic_jobs`: picture jobs one by one (CI manual 004:68441-69700)."""

import re

import pytest


def test_a_job(batches, bucket):
    bucket.put("in/a.jpg")
    rule = {"IsPicInfo": "true", "ProcessRule": "imageMogr2/rotate/90"}
    made = batches.submit_picture(
        "in/a.jpg", operation={"PicProcess": rule, "UserData": "mine", "JobLevel": "2"}
    )
    assert re.fullmatch("c[0-9a-f]{32}", made["JobId"])
    assert (made["Code"], made["State"], made["Tag"]) == ("Success", "Submitted", "PicProcess")
    assert (made["StartTime"], made["EndTime"]) == ("-", "-")
    assert "PicProcessResult" not in made["Operation"]
    done = batches.picture(made["JobId"])
    assert done["State"] == "Success"
    assert done["Input"] == {
        "BucketId": bucket.name, "Object": "in/a.jpg", "Region": batches.region,
    }  # fmt: skip
    operation = done["Operation"]
    assert operation["PicProcess"] == rule
    assert (operation["UserData"], operation["JobLevel"]) == ("mine", "2")
    assert operation["Output"]["Object"] == "out.jpg"
    result = operation["PicProcessResult"]
    assert result["ObjectName"] == "out.jpg"
    assert result["OriginalInfo"]["Etag"] == bucket.head("in/a.jpg")["ETag"]
    info = result["OriginalInfo"]["ImageInfo"]
    assert (info["Format"], info["Width"], info["Height"]) == ("JPEG", "96", "54")
    made = result["ProcessResult"]
    head = bucket.head("out.jpg")
    assert (made["Width"], made["Height"], made["Format"]) == ("54", "96", "jpg")
    assert (made["Size"], made["Etag"]) == (head["Content-Length"], head["ETag"])
    assert bucket.image("out.jpg").size == (54, 96)


def test_without_facts(batches, bucket):
    bucket.put("in/a.jpg")
    done = batches.picture(batches.submit_picture("in/a.jpg")["JobId"])
    assert "ImageInfo" not in done["Operation"]["PicProcessResult"]["OriginalInfo"]


def test_names_with_dollars_are_kept(batches, bucket):
    """`${...}` means something in a batch only."""
    bucket.put("in/a.jpg")
    place = {"Region": batches.region, "Bucket": bucket.name, "Object": "${InputName}.jpg"}
    batches.picture(batches.submit_picture("in/a.jpg", operation={"Output": place})["JobId"])
    assert bucket.keys() == ["${InputName}.jpg", "in/a.jpg"]


def test_several_ids(batches, bucket):
    bucket.put("in/a.jpg")
    ids = [batches.submit_picture("in/a.jpg")["JobId"] for _ in range(2)]
    answer = batches.raw("GET", f"/pic_jobs/{ids[0]},c0,{ids[1]}")
    assert [job["JobId"] for job in answer["JobsDetail"]] == ids
    assert answer["NonExistJobIds"] == ["c0"]


def test_the_turn_of_levels(near, inside, batches_of):
    """The table says whose turn it is; the engine asks it for one job after the other."""
    batches, table = batches_of(near), inside.call(lambda: inside.cloud.jobs.table)
    near.put("in/a.jpg")
    batches.set_queue("Paused")
    ids = [
        batches.submit_picture("in/a.jpg", operation={"JobLevel": level})["JobId"]
        for level in ("0", "2", "1", "2")
    ]

    def turns():
        table.pause(near.name, batches.queue, paused=False)
        order = []
        while (job := table.next()) is not None:
            order.append(job.id)
            table.set(job.id, state="Cancel", ended=0.0)
        return order

    assert inside.call(turns) == [ids[1], ids[3], ids[2], ids[0]]


def test_cancel(batches, bucket, refused):
    bucket.put("in/a.jpg")
    done = batches.picture(batches.submit_picture("in/a.jpg")["JobId"])
    batches.set_queue("Paused")
    waiting = batches.submit_picture("in/a.jpg")
    assert waiting["State"] == "Pause"
    bucket.client.ci_cancel_jobs(Bucket=bucket.name, JobID=waiting["JobId"])
    assert batches.picture(waiting["JobId"])["State"] == "Cancel"
    batches.raw("PUT", f"/pic_jobs/{waiting['JobId']}", {"cancel": ""})
    batches.set_queue("Active")
    assert batches.picture(waiting["JobId"])["State"] == "Cancel"
    answer = refused(bucket.client.ci_cancel_jobs, Bucket=bucket.name, JobID=done["JobId"])
    assert answer[:2] == (400, "InvalidArgument")
    answer = refused(bucket.client.ci_cancel_jobs, Bucket=bucket.name, JobID="c0")
    assert answer[:2] == (404, "ResourceNotFound")


def test_lists(batches, bucket):
    bucket.put("in/a.jpg")
    bucket.put("in/b.jpg")
    ids = [batches.submit_picture(f"in/{name}.jpg")["JobId"] for name in "abab"]
    for each in ids:
        batches.picture(each)
    done = batches.run({"Object": "in/a.jpg"})
    assert len(batches.jobs()) == 5
    (child,) = batches.jobs(done["JobId"])
    assert [job["JobId"] for job in batches.jobs()] == [child["JobId"], *ids[::-1]]
    found = [job["JobId"] for job in batches.jobs(inputObject="in/b.jpg")]
    assert found == [ids[3], ids[1]]
    first = batches.raw("GET", "/pic_jobs", {"size": 3, "queueId": batches.queue})
    second = batches.raw("GET", "/pic_jobs", {"size": 3, "nextToken": first["NextToken"]})
    told = [job["JobId"] for job in (*first["JobsDetail"], *second["JobsDetail"])]
    assert told == [child["JobId"], *ids[::-1]]
    assert "NextToken" not in second
    assert batches.jobs(workflowId="w1") == []
    assert batches.jobs(states="Failed,Pause") == []
    created = child["CreationTime"]
    # Here the bounds do not belong to it (004:69567); for batches they do.
    assert batches.jobs(startCreationTime=created, inputObject="in/a.jpg") == []


def test_the_sdks_own_call(batches, bucket):
    bucket.put("in/a.jpg")
    batches.picture(batches.submit_picture("in/a.jpg")["JobId"])
    answer = bucket.client.ci_list_media_pic_jobs(
        Bucket=bucket.name, Tag="PicProcess", QueueId=batches.queue, States="Success"
    )
    (job,) = answer["JobsDetail"]
    assert job["State"] == "Success"


BAD = [
    ({"Tag": "Transcode"}, 400, "InvalidArgument"),
    ({"Input": {}}, 400, "InvalidArgument"),
    ({"Input": {"Object": ""}}, 400, "InvalidArgument"),
    ({"QueueId": "p0"}, 404, "QueueNotFound"),
    ({"CallBack": "javascript:x"}, 400, "InvalidArgument"),
    ({"operation": {"PicProcess": None}}, 400, "InvalidArgument"),
    ({"operation": {"TemplateId": "t0"}}, 404, "TemplateNotFound"),
    ({"operation": {"JobLevel": "9"}}, 400, "InvalidArgument"),
    ({"operation": {"Output": {"Region": "ap-guangzhou", "Bucket": "x-1", "Object": "o"}}},
     403, "WriteTargetBucketDenied"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "code"), BAD)
def test_bad_requests(batches, refused, changes, status, code):
    changes = {name: dict(value) if isinstance(value, dict) else value
               for name, value in changes.items()}  # fmt: skip
    assert refused(batches.submit_picture, "in/a.jpg", **changes)[:2] == (status, code)


@pytest.mark.parametrize(
    "query", [{"tag": "Transcode"}, {"size": "x"}, {"states": "x"}, {"startCreationTime": "x"}]
)
def test_bad_lists(batches, refused, query):
    assert refused(batches.raw, "GET", "/pic_jobs", query)[:2] == (400, "InvalidArgument")


def test_too_many_ids(batches, refused):
    assert refused(batches.raw, "GET", "/pic_jobs/" + ",".join(["c0"] * 101))[0] == 400
