"""GetFunctionLogs, GetRequestStatus, asynchronous events and settings, by the unmodified client."""

import json
import time
from datetime import datetime, timedelta

import pytest

from localcloud.scf.cron import CHINA
from tests.conftest import running_cloud
from tests.localcloud.scf.conftest import call, refusal, scf_client, write_project

HANDLER = """\
import json, os, time

def main_handler(event, context):
    print("told", json.dumps(event))
    if event.get("wait"):
        while not os.path.exists(event["wait"]):
            time.sleep(0.01)
    if event.get("fail"):
        raise ValueError("as asked")
    return event
"""
F, G = "demo-dev-app-f", "demo-dev-app-g"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    dead = "timeout: 20\ndeadLetter: {type: queue, name: dead}\n"
    write_project(folder, {"f": HANDLER, "g": HANDLER}, fields=dead)
    options = ("--project", str(folder), "--retry-seconds", "0.05", "--instances", "2")
    with running_cloud(folder, *options) as cloud:
        yield cloud


@pytest.fixture
def scf(served):
    return scf_client(served.url)


def run(scf, name=F, **event):
    return call(scf, "Invoke", FunctionName=name, ClientContext=json.dumps(event)).Result


def send(scf, name=F, **event):
    result = call(
        scf, "Invoke", FunctionName=name, InvocationType="Event", ClientContext=json.dumps(event)
    )
    return result.Result.FunctionRequestId


def ended(scf, request_id):
    """The final status of an event."""
    deadline = time.monotonic() + 30
    while True:
        status = call(scf, "GetAsyncEventStatus", InvokeRequestId=request_id).Result
        if status.Status != "RUNNING":
            return status
        assert time.monotonic() < deadline
        time.sleep(0.02)


def span(before=60, after=60):
    now = datetime.now(CHINA)
    return {
        "StartTime": (now - timedelta(seconds=before)).strftime("%Y-%m-%d %H:%M:%S"),
        "EndTime": (now + timedelta(seconds=after)).strftime("%Y-%m-%d %H:%M:%S"),
    }


def test_the_log_of_a_request(scf):
    done = run(scf, a="猫")
    [log] = call(
        scf, "GetFunctionLogs", FunctionName=F, FunctionRequestId=done.FunctionRequestId
    ).Data
    assert (log.FunctionName, log.RequestId) == (F, done.FunctionRequestId)
    assert (log.RetCode, log.InvokeFinished, log.RetryNum) == (0, 1, 0)
    assert json.loads(log.RetMsg) == {"a": "猫"}
    assert log.Log.startswith(f"START RequestId: {done.FunctionRequestId}\n")
    assert "told {" in log.Log
    assert log.BillDuration >= log.Duration > 0
    assert log.MemUsage > 1024 * 1024


def test_each_try_of_an_event_has_its_log(scf):
    request_id = send(scf, fail=1)
    status = ended(scf, request_id)
    assert (status.Status, status.StatusCode) == ("FAILED", 430)
    logs = call(scf, "GetFunctionLogs", FunctionName=F, FunctionRequestId=request_id, Order="asc")
    assert [log.RetryNum for log in logs.Data] == [0, 1, 2]
    assert {log.RetCode for log in logs.Data} == {430}
    tries = call(scf, "GetRequestStatus", FunctionName=F, FunctionRequestId=request_id)
    assert [(one.RetCode, one.RetryNum) for one in tries.Data] == [(-1, 0), (-1, 1), (-1, 2)]
    assert "as asked" in tries.Data[0].RetMsg


def test_logs_are_filtered_ordered_and_paged(scf):
    good, bad = run(scf, G, n=1), run(scf, G, fail=1)

    def ids(**fields):
        found = call(scf, "GetFunctionLogs", FunctionName=G, **fields)
        return [log.RequestId for log in found.Data], found.TotalCount

    both = {good.FunctionRequestId, bad.FunctionRequestId}
    assert set(ids(**span())[0]) >= both
    assert bad.FunctionRequestId not in ids(Filter={"RetCode": "is0"})[0]
    assert good.FunctionRequestId not in ids(Filter={"RetCode": "not0"})[0]
    newest, total = ids(Limit=1)
    assert newest == [bad.FunctionRequestId]
    assert total >= 2
    assert ids(Limit=1, Offset=1)[0] == [good.FunctionRequestId]
    first, _ = ids(Order="asc", OrderBy="duration", Limit=1)
    assert first
    assert ids(**span(before=7200, after=-3600))[0] == []


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("ResourceNotFound.Function", {"FunctionName": "nobody"}),
        ("InvalidParameterValue.Order", {"Order": "up"}),
        ("InvalidParameterValue.OrderBy", {"OrderBy": "size"}),
        ("InvalidParameterValue.Limit", {"Limit": 10_001}),
        ("InvalidParameterValue.Offset", {"Offset": 9_990, "Limit": 20}),
        ("InvalidParameterValue.RetCode", {"Filter": {"RetCode": "some"}}),
        ("InvalidParameterValue.DateTime", {"StartTime": "yesterday", "EndTime": "today"}),
        ("InvalidParameterValue.StartTimeOrEndTime", {"StartTime": "2026-01-01 00:00:00"}),
        (
            "InvalidParameterValue.StartTimeOrEndTime",
            {"StartTime": "2026-01-01 00:00:00", "EndTime": "2026-01-03 00:00:00"},
        ),
    ],
)
def test_log_queries_that_are_refused(scf, code, fields):
    assert refusal(scf, "GetFunctionLogs", **{"FunctionName": F, **fields}) == code


def test_events_are_listed_while_they_run_and_after(scf, tmp_path):
    gate = tmp_path / "gate"
    request_id = send(scf, G, wait=str(gate))
    running = call(scf, "ListAsyncEvents", FunctionName=G, Status=["RUNNING"])
    assert [event.InvokeRequestId for event in running.EventList] == [request_id]
    assert (running.EventList[0].InvokeType, running.EventList[0].EndTime) == ("API", "")
    gate.touch()
    assert ended(scf, request_id).Status == "FINISHED"
    found = call(scf, "ListAsyncEvents", FunctionName=G, InvokeRequestId=request_id)
    assert [event.Status for event in found.EventList] == ["FINISHED"]
    assert found.EventList[0].EndTime >= found.EventList[0].StartTime
    nothing = {"FunctionName": G, "InvokeType": ["COS"]}
    assert call(scf, "ListAsyncEvents", **nothing).TotalCount == 0
    page = call(scf, "ListAsyncEvents", FunctionName=G, Offset=100)
    assert page.EventList == []
    assert page.TotalCount >= 1
    for fields, code in (
        ({"Status": ["LOST"]}, "InvalidParameterValue.Status"),
        ({"Orderby": "Size"}, "InvalidParameterValue.OrderBy"),
        ({"Limit": 101}, "InvalidParameterValue.Limit"),
    ):
        assert refusal(scf, "ListAsyncEvents", FunctionName=G, **fields) == code


def test_an_event_that_runs_is_ended(scf, tmp_path):
    request_id = send(scf, wait=str(tmp_path / "never"))
    deadline = time.monotonic() + 20
    while True:
        found = call(scf, "GetRequestStatus", FunctionName=F, FunctionRequestId=request_id)
        if found.Data:
            break
        assert time.monotonic() < deadline
    assert found.Data[0].RetCode == 1
    call(scf, "TerminateAsyncEvent", FunctionName=F, InvokeRequestId=request_id)
    assert ended(scf, request_id).Status == "ABORTED"
    again = refusal(scf, "TerminateAsyncEvent", FunctionName=F, InvokeRequestId=request_id)
    assert again == "FailedOperation.AsyncEventStatus"


def test_events_that_are_unknown(scf):
    for action, fields in (
        ("GetAsyncEventStatus", {}),
        ("TerminateAsyncEvent", {"FunctionName": F}),
    ):
        found = refusal(scf, action, InvokeRequestId="no-such-id", **fields)
        assert found == "ResourceNotFound.AsyncEvent"


def test_an_event_that_waits_is_ended_and_concurrency_is_reserved(scf):
    reserved = {"FunctionName": F}
    assert call(scf, "GetReservedConcurrencyConfig", **reserved).ReservedMem is None
    call(scf, "PutReservedConcurrencyConfig", **reserved, ReservedConcurrencyMem=0)
    try:
        assert call(scf, "GetReservedConcurrencyConfig", **reserved).ReservedMem == 0
        error = json.loads(run(scf).ErrMsg)
        assert (error["statusCode"], error["errorCode"]) == (432, -1)
        request_id = send(scf)
        assert call(scf, "GetAsyncEventStatus", InvokeRequestId=request_id).Result.Status == (
            "RUNNING"
        )
        call(scf, "TerminateAsyncEvent", FunctionName=F, InvokeRequestId=request_id)
        assert ended(scf, request_id).Status == "ABORTED"
    finally:
        call(scf, "DeleteReservedConcurrencyConfig", **reserved)
    assert run(scf, a=1).InvokeResult == 0
    put = {**reserved, "ReservedConcurrencyMem": 64}
    assert refusal(scf, "PutReservedConcurrencyConfig", **put) == "InvalidParameterValue"
    put["ReservedConcurrencyMem"] = 200_000
    code = "LimitExceeded.FunctionReservedConcurrencyMemory"
    assert refusal(scf, "PutReservedConcurrencyConfig", **put) == code
    assert refusal(scf, "PutReservedConcurrencyConfig", **reserved) == "MissingParameter"


def test_retries_are_configured(scf):
    def config(retries, ttl):
        return {
            "FunctionName": G,
            "AsyncTriggerConfig": {"RetryConfig": [{"RetryNum": retries}], "MsgTTL": ttl},
        }

    def read():
        found = call(scf, "GetFunctionEventInvokeConfig", FunctionName=G).AsyncTriggerConfig
        return found.RetryConfig[0].RetryNum, found.MsgTTL

    assert read() == (2, 21_600)
    call(scf, "UpdateFunctionEventInvokeConfig", **config(0, 600))
    try:
        assert read() == (0, 600)
        request_id = send(scf, G, fail=1)
        assert ended(scf, request_id).Status == "FAILED"
        logs = call(scf, "GetFunctionLogs", FunctionName=G, FunctionRequestId=request_id)
        assert logs.TotalCount == 1
    finally:
        call(scf, "UpdateFunctionEventInvokeConfig", **config(2, 21_600))
    update = "UpdateFunctionEventInvokeConfig"
    assert refusal(scf, update, **config(3, 600)) == "LimitExceeded.RetryNum"
    assert refusal(scf, update, **config(1, 59)) == "LimitExceeded.MsgTTL"
    assert refusal(scf, update, **config(1, 21_601)) == "LimitExceeded.MsgTTL"
    code = "InvalidParameterValue.AsyncTriggerConfig"
    assert refusal(scf, update, FunctionName=G) == code


def test_a_function_shows_its_dead_letter_queue(scf):
    config = call(scf, "GetFunction", FunctionName=F).DeadLetterConfig
    assert (config.Type, config.Name) == ("queue", "dead")
