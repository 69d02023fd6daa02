"""`/inventorytriggerjob`: create, describe, list, cancel (CI manual 004:91709-93900)."""

import re
import time

import pytest


def test_a_prefix(batches, bucket):
    for key in ("in/a.jpg", "in/deep/b.jpg", "other/c.jpg", "in/folder/"):
        bucket.put(key, b"" if key.endswith("/") else None)
    made = batches.create({"Prefix": "in/"}, UserData="mine", JobLevel="1")
    assert re.fullmatch("b[0-9a-f]{32}", made["JobId"])
    assert (made["Code"], made["Type"], made["Name"]) == ("Success", "Job", "demo")
    assert made["State"] == "Submitted"
    assert (made["StartTime"], made["EndTime"]) == ("-", "-")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800", made["CreationTime"])
    done = batches.ended(made["JobId"])
    assert (done["State"], done["Message"]) == ("Success", "Total=2 Success=2")
    assert done["CreationTime"] <= done["StartTime"] <= done["EndTime"]
    assert bucket.keys() == [
        "in/a.jpg", "in/deep/b.jpg", "in/folder/", "other/c.jpg", "out/a.jpg", "out/b.jpg",
    ]  # fmt: skip
    assert bucket.image("out/a.jpg").size == (48, 27)
    assert bucket.head("out/a.jpg")["Content-Type"] == "image/jpeg"


def test_what_was_asked_is_told_again(batches, bucket):
    bucket.put("in/a.jpg")
    interval = {"Start": "2022-02-01T12:00:00+0800", "End": "2099-05-01T12:00:00+0800"}
    done = batches.run({"Prefix": "in/"}, TimeInterval=interval, UserData="mine", JobLevel="2")
    operation = done["Operation"]
    assert done["Input"] == {"Prefix": "in/"}
    assert operation["TimeInterval"] == interval
    assert operation["QueueId"] == batches.queue
    assert operation["JobParam"]["PicProcess"]["ProcessRule"] == "imageMogr2/thumbnail/!50p"
    assert operation["Output"]["Object"] == "out/${InputName}.${Ext}"
    assert (operation["UserData"], operation["JobLevel"]) == ("mine", "2")


def test_one_object_and_a_failure(batches, bucket):
    bucket.put("notes.jpg", b"no picture at all")
    done = batches.run({"Object": "notes.jpg"})
    assert (done["State"], done["Message"]) == ("Success", "Total=1 Failed=1")
    (job,) = batches.jobs(done["JobId"])
    assert (job["State"], job["Code"]) == ("Failed", "InvalidImageFormat")
    assert job["Input"]["Object"] == "notes.jpg"
    assert bucket.keys() == ["notes.jpg"]


def test_an_object_that_is_not_there(batches):
    done = batches.run({"Object": "gone.jpg"})
    assert done["Message"] == "Total=1 Failed=1"
    (job,) = batches.jobs(done["JobId"])
    assert (job["State"], job["Code"]) == ("Failed", "NoSuchKey")


def test_an_object_that_goes_before_its_turn(batches, bucket):
    bucket.put("in/a.jpg")
    made = batches.submit_picture("in/a.jpg", operation={"JobLevel": "0"})
    assert batches.picture(made["JobId"])["State"] == "Success"
    batches.set_queue("Paused")
    waiting = batches.submit_picture("in/a.jpg")
    bucket.client.delete_object(Bucket=bucket.name, Key="in/a.jpg")
    batches.set_queue("Active")
    ended = batches.picture(waiting["JobId"])
    assert (ended["State"], ended["Code"]) == ("Failed", "NoSuchKey")


def test_a_prefix_that_matches_nothing(batches, bucket):
    done = batches.run({"Prefix": "nothing/"})
    assert (done["State"], done["Message"]) == ("Success", "Total=0")
    assert bucket.keys() == []


def test_the_whole_bucket_is_not_fed_by_its_own_results(batches, bucket):
    for number in range(5):
        bucket.put(f"{number}.jpg")
    done = batches.run({"Prefix": ""}, to="z/${InputName}-half.${Ext}")
    assert done["Message"] == "Total=5 Success=5"
    assert len(bucket.keys()) == 10


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-3600, 3600, 1),
        (None, None, 1),
        (-3600, None, 1),
        (3600, 7200, 0),
        (-7200, -3600, 0),
        (None, -3600, 0),
    ],
)
def test_the_time_of_upload(batches, bucket, start, end, expected):
    bucket.put("in/a.jpg")

    def moment(ahead):
        return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(time.time() + ahead))

    given = {"Start": start, "End": end}
    interval = {name: moment(value) for name, value in given.items() if value is not None}
    body = batches.body({"Prefix": "in/"}, TimeInterval=interval or None)
    done = batches.ended(batches.submit(body)["JobId"])
    assert done["Message"].startswith(f"Total={expected}")


def test_a_template(batches, bucket):
    bucket.put("in/a.jpg")
    template = {
        "Tag": "PicProcess",
        "Name": "half",
        "PicProcess": {"IsPicInfo": "true", "ProcessRule": "imageMogr2/rotate/90"},
    }
    made = bucket.client.ci_create_template(Bucket=bucket.name, Template=template)["Template"]
    both = {"TemplateId": made["TemplateId"], "PicProcess": {"ProcessRule": "imageMogr2/blur/9x9"}}
    done = batches.run({"Prefix": "in/"}, JobParam=both)
    assert bucket.image("out/a.jpg").size == (54, 96)
    (job,) = batches.jobs(done["JobId"])
    assert job["Operation"]["TemplateId"] == made["TemplateId"]
    assert job["Operation"]["TemplateName"] == "half"
    assert "PicProcess" not in job["Operation"]
    assert job["Operation"]["PicProcessResult"]["OriginalInfo"]["ImageInfo"]["Width"] == "96"


def test_a_style_is_a_rule_too(batches, bucket):
    bucket.put("in/a.jpg")
    style = {"StyleName": "small", "StyleBody": "imageMogr2/thumbnail/24x"}
    bucket.client.ci_put_image_style(Bucket=bucket.name, Request=style)
    batches.run({"Prefix": "in/"}, JobParam={"PicProcess": {"ProcessRule": "style/small"}})
    assert bucket.image("out/a.jpg").width == 24


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("o/${InputName}.${Ext}", "o/b.jpg"),
        ("o/${inputname}.${ext}", "o/b.jpg"),
        ("${InputPath}/${InputName}-s.jpg", "in/a/b-s.jpg"),
        ("o/${InputNameAndExt}", "o/b.jpg"),
        ("o/fixed.jpg", "o/fixed.jpg"),
        ("o/${InventoryTriggerJobId}/x.jpg", "o/{batch}/x.jpg"),
        ("o/${JobId}.jpg", "o/{job}.jpg"),
    ],
)
def test_names_of_outputs(batches, bucket, pattern, expected):
    bucket.put("in/a/b.jpg")
    done = batches.run({"Prefix": "in/"}, to=pattern)
    (job,) = batches.jobs(done["JobId"])
    key = expected.format(batch=done["JobId"], job=job["JobId"])
    assert sorted(("in/a/b.jpg", key)) == bucket.keys()
    assert job["Operation"]["PicProcessResult"]["ObjectName"] == key
    assert job["Operation"]["Output"]["Object"] == key


def test_an_output_in_another_bucket(batches, bucket):
    bucket.put("in/a.jpg")
    other = bucket.cloud.new_bucket()
    place = {"Region": batches.region, "Bucket": other, "Object": "${InputName}.png"}
    done = batches.run({"Prefix": "in/"}, Output=place)
    assert done["Message"] == "Total=1 Success=1"
    assert bucket.image("a.png", other).size == (48, 27)


def test_a_name_that_becomes_too_long_fails_for_that_object(batches, bucket):
    bucket.put(f"in/{'a' * 500}.jpg")
    bucket.put("in/b.jpg")
    done = batches.run({"Prefix": "in/"}, to="o/${InputName}${InputName}.jpg")
    assert done["Message"] == "Total=2 Success=1 Failed=1"
    (job,) = batches.jobs(done["JobId"], states="Failed")
    assert job["Code"] == "KeyTooLong"


def test_more_objects_than_a_page(batches, bucket):
    picture = bucket.body(bucket.put("in/0.jpg"))
    for number in range(1, 450):
        bucket.put(f"in/{number}.jpg", picture)
    done = batches.run({"Prefix": "in/"}, JobParam={"PicProcess": {"ProcessRule": "imageMogr2"
                       "/thumbnail/8x"}})  # fmt: skip
    assert done["Message"] == "Total=450 Success=450"
    listed = bucket.client.list_objects(Bucket=bucket.name, Prefix="out/")["Contents"]
    assert len(listed) == 450


def test_unknown_ids(batches, refused, bucket):
    unknown = f"b{'0' * 32}"
    assert batches.describe(unknown)["NonExistJobIds"] == unknown
    assert "JobsDetail" not in batches.describe(unknown)
    call = bucket.client.ci_delete_inventory_trigger_jobs
    status, code, message = refused(call, Bucket=bucket.name, JobId=unknown)
    assert (status, code) == (404, "ResourceNotFound")
    assert unknown in message


def test_another_buckets_job_is_unknown(batches, batches_of, bucket, refused):
    bucket.put("in/a.jpg")
    made = batches.run({"Prefix": "in/"})
    other = batches_of(type(bucket)(bucket.cloud))
    assert other.describe(made["JobId"])["NonExistJobIds"] == made["JobId"]
    call = other.client.ci_delete_inventory_trigger_jobs
    assert refused(call, Bucket=other.name, JobId=made["JobId"])[0] == 404
    listed = other.client.ci_list_inventory_trigger_jobs(Bucket=other.name, Type="Job")
    assert "JobsDetail" not in listed


def test_cancel(batches, bucket, refused):
    for number in range(3):
        bucket.put(f"in/{number}.jpg")
    done = batches.run({"Object": "in/0.jpg"})
    batches.set_queue("Paused")
    made = batches.create({"Prefix": "in/"})
    assert made["State"] == "Pause"
    cancel = bucket.client.ci_delete_inventory_trigger_jobs
    answer = cancel(Bucket=bucket.name, JobId=made["JobId"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-ci-request-id"]
    cancel(Bucket=bucket.name, JobId=made["JobId"])  # once more changes nothing
    batches.set_queue("Active")
    ended = batches.describe(made["JobId"])["JobsDetail"][0]
    assert ended["State"] == "Cancel"
    assert ended["EndTime"] != "-"
    assert batches.jobs(made["JobId"]) == []
    status, code, message = refused(cancel, Bucket=bucket.name, JobId=done["JobId"])
    assert (status, code) == (400, "InvalidArgument")
    assert "Success" in message


def test_cancel_while_its_jobs_wait(batches, bucket, wait_until):
    """Those that have not begun never do."""
    noise = bucket.body(bucket.put("in/0.jpg"))
    for number in range(1, 30):
        bucket.put(f"in/{number:02}.jpg", noise)
    slow = {"PicProcess": {"ProcessRule": "imageMogr2/thumbnail/3000x/blur/50x50"}}
    made = batches.create({"Prefix": "in/"}, JobParam=slow)
    wait_until(lambda: batches.jobs(made["JobId"], states="Success"))
    bucket.client.ci_delete_inventory_trigger_jobs(Bucket=bucket.name, JobId=made["JobId"])
    wait_until(lambda: not batches.jobs(made["JobId"], states="Running"))
    states = {job["State"] for job in batches.jobs(made["JobId"])}
    assert states == {"Success", "Cancel"}
    assert batches.state(made["JobId"]) == "Cancel"


def listed(batches, **options):
    answer = batches.client.ci_list_inventory_trigger_jobs(
        Bucket=batches.name, **{"Type": "Job", **options}
    )
    return [job["JobId"] for job in answer.get("JobsDetail", [])], answer.get("NextToken")


def test_lists(batches, bucket):
    bucket.put("in/a.jpg")
    ids = [batches.run({"Prefix": "in/"}, name=f"n{number}")["JobId"] for number in range(3)]
    newest = ids[::-1]
    assert listed(batches) == (newest, None)
    assert listed(batches, OrderByTime="Asc") == (ids, None)
    page, token = listed(batches, Size=2)
    assert page == newest[:2]
    assert listed(batches, Size=2, NextToken=token) == (newest[2:], None)
    page, token = listed(batches, Size=2, OrderByTime="Asc")
    assert listed(batches, Size=2, OrderByTime="Asc", NextToken=token) == (ids[2:], None)
    assert listed(batches, JobId=ids[1])[0] == [ids[1]]
    assert listed(batches, Name="n2")[0] == [ids[2]]
    assert listed(batches, Type="Workflow")[0] == []
    assert listed(batches, WorkflowId="w123")[0] == []
    assert listed(batches, States="Success")[0] == newest
    assert listed(batches, States="Failed,Cancel")[0] == []
    assert listed(batches, States="Failed,Success")[0] == newest


def test_a_list_between_times(batches, bucket):
    """Both bounds belong to it (004:93660), in whole seconds as they are told."""
    bucket.put("in/a.jpg")
    done = batches.run({"Prefix": "in/"})
    created = done["CreationTime"]
    bounds = {"StartCreationTime": created, "EndCreationTime": created}
    assert listed(batches, **bounds)[0] == [done["JobId"]]
    assert listed(batches, StartCreationTime="2099-01-01T00:00:00+0800")[0] == []
    assert listed(batches, EndCreationTime="2001-01-01T00:00:00+0800")[0] == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"Size": 101}, "size"),
        ({"Size": 0}, "size"),
        ({"OrderByTime": "Up"}, "orderByTime"),
        ({"States": "Done"}, "states"),
        ({"Type": "Foo"}, "type"),
        ({"NextToken": "x"}, "nextToken"),
        ({"StartCreationTime": "yesterday"}, "startCreationTime"),
        ({"EndCreationTime": "2022-13-45T00:00:00+0800"}, "endCreationTime"),
    ],
)
def test_bad_lists(batches, refused, options, named):
    call = batches.client.ci_list_inventory_trigger_jobs
    options = {"Type": "Job", **options}
    status, code, message = refused(call, Bucket=batches.name, **options)
    assert (status, code) == (400, "InvalidArgument")
    assert named in message
