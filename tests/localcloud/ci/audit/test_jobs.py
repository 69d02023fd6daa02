"""Jobs: their states, what happens to their object meanwhile, restarts, bounds, streams."""

import json
import sqlite3
from dataclasses import replace

import pytest

from localcloud.ci.audit import judging, service
from localcloud.storage import StorageUnavailable
from tests.localcloud.ci.audit.conftest import wait

VIDEO = "video/auditing"
SHOTS = "<Conf><Snapshot><Mode>Average</Mode><Count>3</Count></Snapshot></Conf>"
PASS = "engines: none\nrules: [{verdict: {'*': pass, Virus: pass}}]\n"


def video(bucket, key, conf=SHOTS):
    return bucket.submit(VIDEO, f"<Input><Object>{key}</Object></Input>{conf}").findtext("JobId")


@pytest.fixture
def settled(inside, near, tmp_path, audited_in):
    """An open cloud with a policy file, before its first audit."""

    def start(policy):
        file = tmp_path / "policy.yml"
        file.write_text(policy)
        inside.cloud.config = replace(inside.cloud.config, audit_policy=file)
        return audited_in(near.cloud)

    return start


def states(inside):
    """What is written of each job from now on."""
    audits = inside.call(lambda: service.of(inside.cloud))
    seen, put = [], audits.store.put

    def record(job):
        seen.append((job.kind.name, job.state))
        put(job)

    audits.store.put = record
    return seen


@pytest.mark.parametrize(
    ("kind", "path", "steps"),
    [
        ("video", VIDEO, ["Submitted", "Snapshoting", "Auditing", "Success"]),
        ("audio", "audio/auditing", ["Submitted", "Auditing", "Success"]),
        ("document", "document/auditing", ["Submitted", "Auditing", "Success"]),
        ("virus", "virus/detect", ["Submitted", "Auditing", "Success"]),
    ],
)
def test_the_states_of_a_job(inside, settled, kind, path, steps):
    bucket = settled(PASS)
    seen = states(inside)
    bucket.put("a.pdf")
    taken = bucket.submit(path, f"<Input><Object>a.pdf</Object></Input>{SHOTS}")
    assert taken.findtext("State") == "Submitted"
    bucket.finished(path, taken.findtext("JobId"))
    assert seen == [(kind, state) for state in steps]


def test_states_last_as_long_as_the_policy_says(inside, settled):
    bucket = settled("engines: none\nseconds: {submitted: 3600, auditing: 0}\n")
    bucket.put("a.mp4")
    job_id = video(bucket, "a.mp4")
    found = bucket.job(VIDEO, job_id)
    assert {node.tag for node in found} == {"JobId", "State", "CreationTime", "Object"}
    assert found.findtext("State") == "Submitted"


def test_a_verdict_belongs_to_what_was_judged(inside, settled):
    bucket = settled(
        "engines: none\nseconds: {auditing: 0.6}\nrules: [{tags: {audit: block}, verdict: block}]\n"
    )
    bucket.put("a.mp3", audit="block")
    freeze = "<Conf><Freeze><PornScore>90</PornScore></Freeze></Conf>"
    body = f"<Input><Object>a.mp3</Object></Input>{freeze}"
    job_id = bucket.submit("audio/auditing", body).findtext("JobId")
    wait(lambda: bucket.job("audio/auditing", job_id).findtext("State") == "Auditing")
    bucket.put("a.mp3", b"quite another")
    done = bucket.finished("audio/auditing", job_id)
    assert [done.findtext(name) for name in ("Result", "ForbidState")] == ["1", "0"]
    assert bucket.body("a.mp3") == b"quite another"


def test_an_object_that_is_gone_before_it_is_judged_fails_the_job(inside, settled):
    bucket = settled("engines: none\nseconds: {submitted: 0.4}\n")
    bucket.put("a.mp4")
    job_id = video(bucket, "a.mp4")
    bucket.client.delete_object(Bucket=bucket.name, Key="a.mp4")
    done = bucket.finished(VIDEO, job_id)
    assert [done.findtext(name) for name in ("State", "Code")] == ["Failed", "-61011"]
    assert done.find("Result") is None


def test_too_many_jobs_are_refused(inside, settled, monkeypatch):
    monkeypatch.setattr(service, "MAX_AUDIT_QUEUE", 2)
    bucket = settled("engines: none\nseconds: {submitted: 3600}\n")
    bucket.put("a.mp4")
    video(bucket, "a.mp4")
    video(bucket, "a.mp4")
    body = f"<Request><Input><Object>a.mp4</Object></Input>{SHOTS}</Request>"
    answer = bucket.ci("POST", VIDEO, body)
    assert answer.status == 503
    assert b"<Code>SlowDown</Code>" in answer.body


def test_what_requests_bring_along_is_bounded(inside, settled, monkeypatch, encode):
    """The contents of pictures that wait lie in memory."""
    monkeypatch.setattr(service, "MAX_AUDIT_CONTENT", 100)
    bucket = settled("engines: none\nseconds: {submitted: 3600}\n")
    picture = f"<Input><Content>{encode(bytes(36))}</Content></Input>"  # 48 characters

    def asked(inputs, is_async):
        conf = f"<Conf><Async>{is_async}</Async></Conf>"
        return bucket.ci("POST", "image/auditing", f"<Request>{picture * inputs}{conf}</Request>")

    assert asked(2, 0).status == 200
    assert (asked(3, 0).status, asked(2, 0).status) == (503, 200)
    assert asked(2, 1).status == 200
    for answer in (asked(1, 0), asked(1, 1)):
        assert answer.status == 503
        assert b"audits of 100 bytes in requests are waiting" in answer.body
    audits = service.of(inside.cloud)
    assert (audits._content, audits._at_once) == (96, 0)


def test_audits_that_are_answered_at_once_are_bounded(inside, settled, monkeypatch):
    monkeypatch.setattr(service, "MAX_AUDIT_QUEUE", 2)
    bucket = settled(PASS)
    bucket.put("a.png")
    picture = "<Input><Object>a.png</Object></Input>"

    def asked(inputs, is_async=0):
        conf = f"<Conf><Async>{is_async}</Async></Conf>"
        return bucket.ci("POST", "image/auditing", f"<Request>{picture * inputs}{conf}</Request>")

    assert [asked(inputs).status for inputs in (2, 3, 2)] == [200, 503, 200]
    before = inside.call(lambda: len(list(service.of(inside.cloud)._waiting)))
    assert asked(3, 1).status == 503
    assert inside.call(lambda: len(list(service.of(inside.cloud)._waiting))) == before


def test_what_is_told_of_all_pieces_is_bounded(inside, settled, monkeypatch):
    monkeypatch.setattr(judging, "MAX_TOLD", 2 * 10_000)
    bucket = settled("engines: local\n")
    bucket.put("a.txt", b"x" * 20_000 + "海洛因".encode())
    body = "<Input><Object>a.txt</Object></Input><Conf><DetectType>Illegal</DetectType></Conf>"
    job_id = bucket.submit("document/auditing", body).findtext("JobId")
    done = bucket.finished("document/auditing", job_id)
    pages = done.findall("PageSegment/Results")
    assert [len(page.findtext("Text") or "") for page in pages] == [10_000, 10_000, 0]
    assert done.findtext("Suggestion") == "1"
    assert pages[2].findtext("IllegalInfo/Keywords") == "海洛因"


def test_reports_are_forgotten_like_jobs(inside, settled, encode):
    bucket = settled(PASS)
    body = (
        f"<Request><ContentType>1</ContentType><Text>{encode(b'x')}</Text><Label>Porn</Label>"
        "<SuggestedLabel>Normal</SuggestedLabel></Request>"
    )
    store = inside.call(lambda: service.of(inside.cloud).store)
    assert bucket.ci("POST", "report/badcase", body).status == 200
    inside.advance(31 * 86_400)
    assert bucket.ci("POST", "report/badcase", body).status == 200
    assert len(inside.call(lambda: store.feedback(bucket.name))) == 1


def test_jobs_go_on_after_a_restart(start_cloud, audited_in, tmp_path, listener):
    slow, quick = tmp_path / "slow.yml", tmp_path / "quick.yml"
    slow.write_text("engines: none\nseconds: {submitted: 3600}\n")
    quick.write_text(PASS)
    data = tmp_path / "kept"
    with start_cloud("--no-functions", "--audit-policy", str(slow), data=data) as cloud:
        bucket = audited_in(cloud)
        bucket.put("a.mp4")
        conf = SHOTS.replace("</Conf>", f"<Callback>{listener.url}</Callback></Conf>")
        job_id = video(bucket, "a.mp4", conf)
        name = bucket.name
    with start_cloud("--no-functions", "--audit-policy", str(quick), data=data) as cloud:
        assert json.loads(listener.next().body)["data"]["trace_id"] == job_id
        bucket = audited_in(cloud)
        bucket.name = name
        done = bucket.finished(VIDEO, job_id)
        assert [done.findtext(part) for part in ("State", "Result")] == ["Success", "0"]
    with start_cloud("--no-functions", data=data) as cloud:
        bucket = audited_in(cloud)
        bucket.name = name
        assert bucket.job(VIDEO, job_id).findtext("State") == "Success"
    assert listener.calls.empty()


def test_jobs_are_forgotten_after_a_month(inside, settled):
    bucket = settled(PASS)
    bucket.put("a.mp3")
    body = "<Input><Object>a.mp3</Object></Input><Conf/>"
    old = bucket.submit("audio/auditing", body).findtext("JobId")
    bucket.finished("audio/auditing", old)
    inside.advance(31 * 86_400)
    new = bucket.submit("audio/auditing", body).findtext("JobId")
    assert bucket.ci("GET", f"audio/auditing/{old}").status == 404
    assert bucket.finished("audio/auditing", new).findtext("State") == "Success"


LIVE = "<Type>live_video</Type><Input><Url>{}</Url></Input><Conf><BizType>strict</BizType></Conf>"


def test_a_stream_that_nothing_can_judge_fails_and_says_why(audited):
    job_id = audited.submit(VIDEO, LIVE.format("rtmp://elsewhere/1")).findtext("JobId")
    done = audited.finished(VIDEO, job_id)
    assert [done.findtext(name) for name in ("State", "Type")] == ["Failed", "live_video"]
    assert done.findtext("Message").startswith("no local engine")
    assert done.find("Result") is None


def test_a_stream_is_audited_until_it_is_cancelled(audited):
    job_id = audited.submit(VIDEO, LIVE.format("rtmp://live.example/1")).findtext("JobId")
    wait(lambda: audited.job(VIDEO, job_id).findtext("State") == "Auditing")
    answer = audited.ci("POST", f"video/cancel_auditing/{job_id}", b"")
    assert answer.status == 200
    done = audited.finished(VIDEO, job_id)
    assert done.findtext("PornInfo/HitFlag") == "1"
    assert done.findtext("TerrorismInfo/Count") == "1"
    assert done.findtext("Snapshot/TerrorismInfo/Reason") == "no local engine"
    assert audited.ci("POST", f"video/cancel_auditing/{job_id}", b"").status == 200


def test_ten_streams_and_no_more(inside, settled):
    bucket = settled(
        "engines: none\nbiz_types: {strict: {scenes: [Porn]}}\n"
        "rules: [{kinds: [live], verdict: review}]\n"
    )
    for number in range(10):
        bucket.submit(VIDEO, LIVE.format(f"rtmp://live.example/{number}"))
    answer = bucket.ci("POST", VIDEO, f"<Request>{LIVE.format('rtmp://live.example/x')}</Request>")
    assert answer.status == 503
    assert b"10 live streams" in answer.body
    bucket.put("a.mp3")
    taken = bucket.submit("audio/auditing", "<Input><Object>a.mp3</Object></Input><Conf/>")
    done = bucket.finished("audio/auditing", taken.findtext("JobId"))
    assert done.findtext("State") == "Success"


def test_only_streams_are_cancelled(audited):
    audited.put("clean/a.mp4")
    job_id = video(audited, "clean/a.mp4")
    answer = audited.ci("POST", f"video/cancel_auditing/{job_id}", b"")
    assert answer.status == 400
    assert b"no live stream" in answer.body


def test_a_storage_that_is_out_of_reach_fails_the_job_in_one_line(inside, settled, caplog):
    bucket = settled(PASS)
    bucket.put("a.mp4")
    storage = inside.cloud.storage
    inside.call(lambda: service.of(inside.cloud))

    def gone(*_):
        raise StorageUnavailable("the store does not answer")

    storage.fetch = gone
    failed = bucket.finished(VIDEO, video(bucket, "a.mp4"))
    assert (failed.findtext("State"), failed.findtext("Code")) == ("Failed", "InternalError")
    assert "submit it again" in failed.findtext("Message")
    assert failed.find("Result") is None
    lines = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [line.exc_info for line in lines] == [None]
    assert "the store does not answer" in lines[0].getMessage()
    del storage.fetch
    assert bucket.finished(VIDEO, video(bucket, "a.mp4")).findtext("Result") == "0"


def test_a_verdict_that_cannot_be_written_down_leaves_the_job_open(inside, settled, caplog):
    bucket = settled(PASS)
    bucket.put("a.mp4")
    audits = inside.call(lambda: service.of(inside.cloud))
    put = audits.store.put

    def full(job):
        if job.is_done:
            raise sqlite3.OperationalError("database or disk is full")
        put(job)

    audits.store.put = full
    job_id = video(bucket, "a.mp4")
    wait(lambda: any("stays open" in record.getMessage() for record in caplog.records))
    assert bucket.job(VIDEO, job_id).findtext("State") == "Auditing"
    assert not any(record.exc_info for record in caplog.records)
    audits.store.put = put
    inside.call(audits.resume)
    assert bucket.finished(VIDEO, job_id).findtext("Result") == "0"
