"""How much a batch may be, and who may ask for one."""

import asyncio
import json

import pytest

from localcloud import cloud
from localcloud.ci.batch import engine, scan
from tests.conftest import running_cloud


def test_too_many_objects(near, batches_of, monkeypatch):
    monkeypatch.setattr(scan, "MAX_BATCH_OBJECTS", 3)
    batches = batches_of(near)
    for number in range(4):
        near.put(f"in/{number}.jpg")
    done = batches.run({"Prefix": "in/"})
    assert (done["State"], done["Code"]) == ("Failed", "InvalidArgument")
    assert "over 3 objects" in done["Message"]
    assert [key for key in near.keys() if key.startswith("out/")] == []  # noqa: SIM118 - no dict


def test_too_many_lines(near, batches_of, monkeypatch):
    monkeypatch.setattr(scan, "_MAX_LINES", 100)
    near.put("list.txt", b"\n" * 101)
    done = batches_of(near).run({"UrlFile": "list.txt"})
    assert (done["State"], done["Code"]) == ("Failed", "InvalidArgument")


def test_a_full_queue(near, batches_of, monkeypatch, refused):
    monkeypatch.setattr(engine, "MAX_QUEUE", 2)
    batches = batches_of(near)
    near.put("in/a.jpg")
    batches.set_queue("Paused")
    for _ in range(2):
        batches.submit_picture("in/a.jpg")
    assert refused(batches.submit_picture, "in/a.jpg")[:2] == (429, "SlowDown")
    assert refused(batches.create, {"Prefix": "in/"})[:2] == (429, "SlowDown")


def test_few_jobs_wait_at_a_time(near, inside, batches_of, monkeypatch):
    """The jobs of a batch are made as others end: a paused queue holds the input as well."""
    monkeypatch.setattr(engine, "MAX_BATCH_WAITING", 1)
    monkeypatch.setattr(scan, "_PAGE", 2)
    batches = batches_of(near)
    for number in range(7):
        near.put(f"in/{number}.jpg")
    done = batches.run({"Prefix": "in/"})
    assert done["Message"] == "Total=7 Success=7"


@pytest.mark.parametrize("turns", range(6))
def test_a_batch_that_is_cancelled_at_once_stays_so(near, inside, batches_of, turns):
    batches = batches_of(near)
    near.put("in/a.jpg")
    batches.set_queue("Paused")
    made = batches.create({"Prefix": "in/"})["JobId"]
    jobs = inside.call(lambda: inside.cloud.jobs)

    async def cancel():
        jobs.pause(near.name, batches.queue, paused=False)
        for _ in range(turns):
            await asyncio.sleep(0)
        jobs.cancel(jobs.table.find(made))
        while made in jobs.at_work:
            await asyncio.sleep(0)

    inside.wait(cancel())
    assert batches.state(made) == "Cancel"
    assert {job["State"] for job in batches.jobs(made)} <= {"Cancel"}


def test_a_job_waits_while_the_machine_is_busy(near, batches_of, monkeypatch, wait_until):
    batches = batches_of(near)
    near.put("in/a.jpg")
    with monkeypatch.context() as busy:
        busy.setattr(cloud, "MAX_IMAGE_QUEUE", 0)
        made = batches.submit_picture("in/a.jpg")["JobId"]
        wait_until(lambda: batches.jobs(states="Running"))
        assert near.processed("in/a.jpg", "imageMogr2/thumbnail/9x").error[0] == "SlowDown"
    assert batches.picture(made)["State"] == "Success"


def test_old_jobs_go(near, inside, batches_of, monkeypatch):
    monkeypatch.setattr(engine, "MAX_JOBS", 2)
    batches = batches_of(near)
    near.put("in/a.jpg")
    ids = []
    for _ in range(5):
        ids.append(batches.submit_picture("in/a.jpg")["JobId"])
        batches.picture(ids[-1])
    assert [job["JobId"] for job in batches.jobs()] == ids[:1:-1]


def allow(action, resource="*"):
    return {"effect": "allow", "action": [action], "resource": [resource]}


BUCKET = "examplebucket-1250000000"
OBJECTS = f"qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}"
CI = allow("ci:*")
USERS = {
    "all": ((CI, allow("cos:*")), True),
    "read": ((CI, allow("cos:GetObject", f"{OBJECTS}/in/*"), allow("cos:PutObject")), True),
    "write": ((CI, allow("cos:GetObject"), allow("cos:PutObject", f"{OBJECTS}/out/*")), True),
    "elsewhere": ((CI, allow("cos:GetObject", f"{OBJECTS}/x/*"), allow("cos:PutObject")), False),
    "no-write": ((CI, allow("cos:GetObject"), allow("cos:PutObject", f"{OBJECTS}/x/*")), False),
    "no-ci": ((allow("cos:*"),), False),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A cloud with a user for each policy."""
    folder = tmp_path_factory.mktemp("people")
    entries = [
        {
            "secret_id": f"AKID{name}",
            "secret_key": "user-key",
            "uin": str(100000000002 + number),
            "policy": {"version": "2.0", "statement": list(statements)},
        }
        for number, (name, (statements, _)) in enumerate(USERS.items())
    ]
    (folder / "users.json").write_text(json.dumps(entries))
    with running_cloud(folder, "--no-functions", "--users", str(folder / "users.json")) as served:
        yield served


@pytest.mark.parametrize("name", USERS)
def test_what_the_caller_may_do(people, bucket_of, batches_of, refused, name):
    """The service does the job; who asks needs the right to read and to write himself."""
    bucket = bucket_of(people)
    bucket.name = BUCKET
    batches = batches_of(bucket)
    body = batches.body({"Prefix": "in/"}, to="out/${InputName}.jpg", name=name)
    user = people.client(SecretId=f"AKID{name}", SecretKey="user-key")
    create = user.ci_create_inventory_trigger_jobs
    if USERS[name][1]:
        assert create(Bucket=BUCKET, JobBody=body)["JobsDetail"][0]["Name"] == name
    else:
        assert refused(create, Bucket=BUCKET, JobBody=body)[:2] == (403, "AccessDenied")
        assert "JobsDetail" not in batches.raw("GET", "/inventorytriggerjob", {"name": name})


@pytest.mark.parametrize(
    "source",
    [{"Manifest": "lists/manifest.json"}, {"UrlFile": "urls.txt"}, {"Prefix": ""},
     {"Prefix": "i"}, {"Object": "other.jpg"},
     {"Manifest": f"http://{BUCKET}.cos.ap-guangzhou.myqcloud.com/lists/manifest.json"}],
)  # fmt: skip
def test_what_cannot_be_read_is_not_read_for_one(people, bucket_of, batches_of, refused, source):
    bucket = bucket_of(people)
    bucket.name = BUCKET
    user = people.client(SecretId="AKIDread", SecretKey="user-key")
    body = batches_of(bucket).body(source)
    create = user.ci_create_inventory_trigger_jobs
    assert refused(create, Bucket=BUCKET, JobBody=body)[:2] == (403, "AccessDenied")


def test_strangers_may_nothing(bucket, batches):
    url = f"http://{bucket.name}.ci.{batches.region}.myqcloud.com/inventorytriggerjob"
    for method in ("GET", "POST"):
        assert bucket.request(method, url, {}).status == 403
