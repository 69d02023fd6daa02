"""What a batch job refuses, in the service's shape: error XML with a name of 004:94199."""

import pytest

OTHER = "other-1250000001"


def change(body, path, value):
    """`body` with the element at `path` set; None removes it."""
    *way, last = path.split("/")
    for name in way:
        body = body.setdefault(name, {})
    if value is None:
        del body[last]
    else:
        body[last] = value


BAD = [
    ("Name", None, "InvalidArgument", "Name"),
    ("Name", "a b", "InvalidArgument", "Name"),
    ("Name", "n" * 129, "InvalidArgument", "129"),
    ("Type", None, "InvalidArgument", "Type"),
    ("Type", "Foo", "InvalidArgument", "Foo"),
    ("Type", "Workflow", "NotImplemented", "Workflow"),
    ("Input", None, "InvalidArgument", "Input"),
    ("Input", {}, "InvalidArgument", "exactly one of Manifest, UrlFile, Prefix, Object"),
    ("Input", {"Prefix": "a", "Object": "b"}, "InvalidArgument", "Prefix, Object"),
    ("Input", {"Prefix": ["a", "b"]}, "InvalidArgument", "Prefix"),
    ("Input", {"Object": "k" * 2049}, "InvalidArgument", "Object"),
    ("Input", {"Prefix": "k" * 851}, "InvalidArgument", "Prefix"),
    ("Input", {"Manifest": "http://example.com/m.json"}, "InvalidArgument", "example.com"),
    ("Input", {"UrlFile": "https://127.0.0.1/"}, "InvalidArgument", "127.0.0.1"),
    ("Operation", None, "InvalidArgument", "Operation"),
    ("Operation/Tag", None, "InvalidArgument", "Tag"),
    ("Operation/Tag", "Paint", "InvalidArgument", "allowed are PicProcess"),
    ("Operation/Tag", "Transcode", "NotImplemented", "Transcode"),
    ("Operation/Tag", "Animatin", "NotImplemented", "Animatin"),
    ("Operation/Tag", "ImageInspect", "NotImplemented", "ImageInspect"),
    ("Operation/QueueId", "p" + "0" * 32, "QueueNotFound", "QueueId"),
    ("Operation/JobParam", None, "InvalidArgument", "JobParam"),
    ("Operation/JobParam", {}, "InvalidArgument", "TemplateId or PicProcess"),
    ("Operation/JobParam", {"TemplateId": "t0"}, "TemplateNotFound", "t0"),
    ("Operation/JobParam", {"PicProcess": {"IsPicInfo": "true"}}, "InvalidArgument", "ProcessRule"),
    ("Operation/JobParam/PicProcess", {"ProcessRule": "imageMogr2/nothing"}, "InvalidArgument",
     "ProcessRule"),
    ("Operation/JobParam/PicProcess", {"ProcessRule": "imageInfo"}, "InvalidArgument", "imageInfo"),
    ("Operation/JobParam/PicProcess", {"ProcessRule": "style/none"}, "InvalidArgument", "none"),
    ("Operation/JobParam/PicProcess", {"ProcessRule": "exif", "IsPicInfo": "maybe"},
     "InvalidArgument", "IsPicInfo"),
    ("Operation/Output", None, "InvalidArgument", "Output"),
    ("Operation/Output/Region", "ap-beijing", "InvalidArgument", "ap-guangzhou"),
    ("Operation/Output/Bucket", OTHER, "WriteTargetBucketDenied", "1250000000"),
    ("Operation/Output/Bucket", "nowhere-1250000000", "InvalidArgument", "nowhere-1250000000"),
    ("Operation/Output/Object", None, "InvalidArgument", "Object"),
    ("Operation/Output/Object", "", "InvalidArgument", "Object"),
    ("Operation/Output/Object", "out/", "InvalidArgument", "folder"),
    ("Operation/Output/Object", "o/${Number}.jpg", "InvalidArgument", "${Number}"),
    ("Operation/Output/Object", "o/${RunId}.jpg", "InvalidArgument", "${InputName}"),
    ("Operation/UserData", "x" * 1025, "InvalidArgument", "1025"),
    ("Operation/UserData", "数据", "InvalidArgument", "printable ASCII"),
    ("Operation/JobLevel", "3", "InvalidArgument", "JobLevel"),
    ("Operation/TimeInterval", {"Start": "today"}, "InvalidArgument", "TimeInterval/Start"),
    ("Operation/TimeInterval", {"End": "2022-02-01"}, "InvalidArgument", "TimeInterval/End"),
    ("Operation/TimeInterval",
     {"Start": "2022-05-01T12:00:00+0800", "End": "2022-02-01T12:00:00+0800"},
     "InvalidArgument", "TimeInterval is empty"),
    ("Operation/CallBack", "ftp://x/", "InvalidArgument", "CallBack"),
    ("Operation/CallBack", "http://", "InvalidArgument", "CallBack"),
    ("Operation/CallBackFormat", "YAML", "InvalidArgument", "CallBackFormat"),
    ("Operation/CallBackType", "Mail", "InvalidArgument", "CallBackType"),
    ("Operation/CallBackType", "TDMQ", "InvalidArgument", "CallBackMqConfig"),
    ("Operation/CallBackMqConfig", {"MqRegion": "xx", "MqMode": "Queue", "MqName": "n"},
     "InvalidArgument", "MqRegion"),
]  # fmt: skip
STATUS = {"NotImplemented": 501, "QueueNotFound": 404, "TemplateNotFound": 404,
          "WriteTargetBucketDenied": 403}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "code", "named"), BAD)
def test_bad_requests(batches, refused, path, value, code, named):
    body = batches.body({"Prefix": "in/"})
    change(body, path, value)
    answer = refused(batches.submit, body)
    assert answer[:2] == (STATUS.get(code, 400), code)
    assert named in answer[2]
    assert "JobsDetail" not in batches.raw("GET", "/inventorytriggerjob")


def test_tdmq_is_not_played(batches, refused):
    config = {"MqRegion": "gz", "MqMode": "Queue", "MqName": "n"}
    body = batches.body({"Prefix": "in/"}, CallBackType="TDMQ", CallBackMqConfig=config)
    assert refused(batches.submit, body)[:2] == (501, "NotImplemented")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingContent"),
        (b"<Request>", "InvalidContent"),
        (b"{}", "InvalidContent"),
        (b"<Else/>", "InvalidContent"),
        (b"<Request><CallBackFormat>JSON<CallBackFormat></Request>", "InvalidContent"),
        (b'<!DOCTYPE x [<!ENTITY e "x">]><Request>&e;</Request>', "InvalidContent"),
        (b"<Request>" + b"<a>" * 100 + b"</a>" * 100 + b"</Request>", "InvalidArgument"),
    ],
)
@pytest.mark.parametrize("path", ["/inventorytriggerjob", "/pic_jobs", "/template"])
def test_bad_bodies(batches, refused, path, body, code):
    assert refused(batches.raw, "POST", path, body=body)[:2] == (400, code)


def test_a_body_without_end(batches, refused):
    body = b"<Request>" + b" " * (3 << 20)
    assert refused(batches.raw, "POST", "/inventorytriggerjob", body=body)[1] == "XMLSizeLimit"


def test_an_unbound_bucket(batches, bucket, refused):
    bucket.pic("PUT", {"unbind": ""})
    calls = [
        ("POST", "/inventorytriggerjob"), ("GET", "/inventorytriggerjob"),
        ("GET", "/inventorytriggerjob/b1"), ("GET", "/pic_jobs"), ("POST", "/pic_jobs"),
        ("GET", "/picqueue"), ("GET", "/queue"), ("POST", "/template"), ("GET", "/template"),
        ("DELETE", "/template/t1"),
    ]  # fmt: skip
    for method, path in calls:
        status, code, message = refused(batches.raw, method, path)
        assert (status, code) == (400, "MediaBucketUnBinded"), path
        assert bucket.name in message


def test_a_bucket_that_is_unbound_meanwhile(near, inside, batches_of, wait_until):
    batches, jobs = batches_of(near), inside.call(lambda: inside.cloud.jobs)
    near.put("in/a.jpg")
    batches.set_queue("Paused")
    waiting = batches.submit_picture("in/a.jpg")["JobId"]
    near.pic("PUT", {"unbind": ""})
    inside.call(lambda: jobs.pause(near.name, batches.queue, paused=False))
    ended = wait_until(
        lambda: found if (found := inside.call(lambda: jobs.table.find(waiting))).ended else None
    )
    assert (ended.state, ended.code) == ("Failed", "MediaBucketUnBinded")
    assert near.keys() == ["in/a.jpg"]


def test_what_is_no_operation(batches, refused):
    for method, path in (("DELETE", "/inventorytriggerjob/b1"), ("GET", "/nothing/of/this")):
        assert refused(batches.raw, method, path)[:2] == (501, "NotImplemented")


def test_errors_name_their_trace_as_ci_does(batches, bucket):
    url = f"http://{bucket.name}.ci.{batches.region}.myqcloud.com/pic_jobs"
    answer = bucket.request("GET", url, {})
    assert answer.status == 403
    assert answer.headers["x-ci-trace-id"]
    assert answer.headers["x-ci-request-id"]
    assert answer.headers["Server"] == "tencent-ci"


def test_a_missing_queue_means_the_buckets_own(batches, bucket):
    bucket.put("in/a.jpg")
    done = batches.run({"Prefix": "in/"}, QueueId=None)
    assert done["State"] == "Success"
    (job,) = batches.jobs(done["JobId"])
    assert job["QueueId"] == batches.queue


def test_names_may_be_chinese(batches, bucket):
    bucket.put("in/a.jpg")
    assert batches.run({"Prefix": "in/"}, name="存量—处理_1-a")["Name"] == "存量—处理_1-a"


def test_a_deleted_buckets_jobs_are_forgotten(batches, bucket):
    bucket.put("in/a.jpg")
    done = batches.run({"Prefix": "in/"}, to="in/a.jpg")
    bucket.client.delete_object(Bucket=bucket.name, Key="in/a.jpg")
    bucket.client.delete_bucket(Bucket=bucket.name)
    bucket.client.create_bucket(Bucket=bucket.name)
    assert batches.describe(done["JobId"])["NonExistJobIds"] == done["JobId"]
    assert batches.jobs() == []
