"""`/queue` and `/picqueue` (CI manual 004:8902, 004:9318, 004:15981)."""

import pytest

NOTIFY = {
    "State": "On",
    "Url": "http://callback.demo.com",
    "Type": "Url",
    "Event": "TaskFinish,WorkflowFinish",
    "ResultFormat": "JSON",
}


def pictures(bucket, **options):
    return bucket.client.ci_get_media_pic_queue(Bucket=bucket.name, **options)


def update(bucket, queue, **changes):
    request = {"Name": "mine", "State": "Active", "NotifyConfig": NOTIFY, **changes}
    request = {name: value for name, value in request.items() if value is not None}
    return bucket.client.ci_update_media_pic_queue(
        Bucket=bucket.name, QueueId=queue, Request=request
    )


def test_every_bucket_has_its_queues(bucket):
    answer = pictures(bucket)
    (queue,) = answer["QueueList"]
    assert (answer["TotalCount"], answer["PageNumber"], answer["PageSize"]) == ("1", "1", "10")
    assert (queue["State"], queue["Category"]) == ("Active", "PicProcessing")
    assert (queue["MaxSize"], queue["MaxConcurrent"]) == ("10000", "10")
    assert queue["NotifyConfig"] == {"State": "Off"}
    media = bucket.client.ci_get_media_queue(Bucket=bucket.name)["QueueList"][0]
    assert media["Category"] == "Transcoding"
    assert media["QueueId"] != queue["QueueId"]
    assert pictures(bucket)["QueueList"] == [queue]


def test_by_id_and_state(bucket):
    queue = pictures(bucket)["QueueList"][0]["QueueId"]
    answer = pictures(bucket, QueueIds=f"{queue},A,B")
    assert answer["QueueList"][0]["QueueId"] == queue
    assert answer["NonExistPIDs"] == ["A", "B"]
    assert "QueueList" not in pictures(bucket, State="Paused")
    assert "QueueList" not in pictures(bucket, PageNumber="2")


def test_update(bucket):
    before = pictures(bucket)["QueueList"][0]
    answer = update(bucket, before["QueueId"], State="Paused")
    queue = answer["Queue"][0] if isinstance(answer["Queue"], list) else answer["Queue"]
    assert (queue["Name"], queue["State"]) == ("mine", "Paused")
    assert queue["NotifyConfig"] == NOTIFY
    assert queue["CreateTime"] == before["CreateTime"]
    after = pictures(bucket, State="Paused")["QueueList"][0]
    assert (after["QueueId"], after["NotifyConfig"]) == (before["QueueId"], NOTIFY)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Name": None}, "Name"),
        ({"Name": "n" * 129}, "129"),
        ({"State": "Off"}, "Active, Paused"),
        ({"State": None}, "State"),
        ({"NotifyConfig": None}, "NotifyConfig"),
        ({"NotifyConfig": {"State": "Maybe"}}, "On, Off"),
        ({"NotifyConfig": {"State": "On"}}, "Type"),
        ({"NotifyConfig": {"State": "On", "Type": "Url", "Event": "TaskFinish"}}, "Url"),
        ({"NotifyConfig": {"State": "On", "Type": "Url", "Url": "http://x/"}}, "Event"),
        ({"NotifyConfig": {"State": "On", "Type": "TDMQ", "Event": "TaskFinish"}}, "MqMode"),
        ({"NotifyConfig": {**NOTIFY, "Event": "Everything"}}, "Everything"),
        ({"NotifyConfig": {**NOTIFY, "Url": "file:///etc/passwd"}}, "file:"),
        ({"NotifyConfig": {**NOTIFY, "Url": "http://a b/"}}, "http://"),
        ({"NotifyConfig": {**NOTIFY, "ResultFormat": "YAML"}}, "ResultFormat"),
    ],
)
def test_bad_updates(bucket, refused, changes, named):
    queue = pictures(bucket)["QueueList"][0]
    status, code, message = refused(update, bucket, queue["QueueId"], **changes)
    assert (status, code) == (400, "InvalidArgument")
    assert named in message
    assert pictures(bucket)["QueueList"] == [queue]


def test_unknown_queues(bucket, refused):
    assert refused(update, bucket, "p0")[:2] == (404, "QueueNotFound")
    media = bucket.client.ci_get_media_queue(Bucket=bucket.name)["QueueList"][0]["QueueId"]
    assert refused(update, bucket, media)[:2] == (404, "QueueNotFound")


@pytest.mark.parametrize(
    "options", [{"State": "On"}, {"PageSize": "101"}, {"PageNumber": "0"}, {"PageNumber": "x"}]
)
def test_bad_lists(bucket, refused, options):
    assert refused(pictures, bucket, **options)[:2] == (400, "InvalidArgument")


def test_the_media_queue_is_updated_too(bucket):
    client = bucket.client
    queue = client.ci_get_media_queue(Bucket=bucket.name)["QueueList"][0]["QueueId"]
    request = {"Name": "m", "State": "Paused", "NotifyConfig": {"State": "Off"}}
    client.ci_update_media_queue(Bucket=bucket.name, QueueId=queue, Request=request)
    assert client.ci_get_media_queue(Bucket=bucket.name)["QueueList"][0]["State"] == "Paused"
    assert pictures(bucket)["QueueList"][0]["State"] == "Active"
