"""What the tests of batch jobs share: a bucket that submits them and waits for their end."""

import time
from copy import deepcopy

import pytest
from qcloud_cos.cos_auth import CosS3Auth
from qcloud_cos.cos_comm import xml_to_dict

OPEN = ("Submitted", "Running", "Pause")
HALF = {"PicProcess": {"ProcessRule": "imageMogr2/thumbnail/!50p"}}


class Batches:
    """Batch and picture jobs of one bucket, through the SDK."""

    def __init__(self, bucket):
        self.bucket, self.client, self.name = bucket, bucket.client, bucket.name
        self.region = bucket.cloud.region
        self.queue = self.client.ci_get_media_pic_queue(Bucket=self.name)["QueueList"][0]["QueueId"]

    def body(self, source, *, to="out/${InputName}.${Ext}", name="demo", kind="Job", **operation):
        """A request; what is None goes away."""
        operation = {
            "Tag": "PicProcess",
            "QueueId": self.queue,
            "JobParam": deepcopy(HALF),
            "Output": {"Region": self.region, "Bucket": self.name, "Object": to},
            **operation,
        }
        parts = {
            "Name": name,
            "Type": kind,
            "Input": source,
            "Operation": {key: value for key, value in operation.items() if value is not None},
        }
        return {key: value for key, value in parts.items() if value is not None}

    def create(self, source, **options):
        return self.submit(self.body(source, **options))

    def submit(self, body):
        answer = self.client.ci_create_inventory_trigger_jobs(Bucket=self.name, JobBody=body)
        return answer["JobsDetail"][0]

    def describe(self, job_id):
        return self.client.ci_get_inventory_trigger_jobs(Bucket=self.name, JobID=job_id)

    def state(self, job_id):
        return self.describe(job_id)["JobsDetail"][0]["State"]

    def ended(self, job_id):
        """The details of a batch once it has ended."""
        return until(lambda: found if (found := self._one(job_id))["State"] not in OPEN else None)

    def run(self, source, **options):
        """Create, and wait for the end."""
        return self.ended(self.create(source, **options)["JobId"])

    def jobs(self, job_id="", size=100, **options):
        """The picture jobs, those of a batch with its id."""
        path = {"inventoryTriggerJobId": job_id, "tag": "PicProcess", "size": size, **options}
        return self.raw("GET", "/pic_jobs", path).get("JobsDetail", [])

    def submit_picture(self, key, **changes):
        body = {
            "Tag": "PicProcess",
            "Input": {"Object": key},
            "Operation": {
                **deepcopy(HALF),
                "Output": {"Region": self.region, "Bucket": self.name, "Object": "out.jpg"},
                **changes.pop("operation", {}),
            },
            "QueueId": self.queue,
            **changes,
        }
        return self.client.ci_create_media_pic_jobs(Bucket=self.name, Jobs=body)["JobsDetail"][0]

    def picture(self, job_id):
        """The details of a picture job once it has ended."""

        def look():
            answer = self.client.ci_get_media_pic_jobs(Bucket=self.name, JobIDs=job_id)
            found = answer["JobsDetail"]
            found = found[0] if isinstance(found, list) else found
            return found if found["State"] not in OPEN else None

        return until(look)

    def set_queue(self, state, **notify):
        return self.client.ci_update_media_pic_queue(
            Bucket=self.name,
            QueueId=self.queue,
            Request={"Name": "q", "State": state, "NotifyConfig": {"State": "Off", **notify}},
        )["Queue"]

    def raw(self, method, path, params=None, body=None):
        """A request to the ci host that the SDK has no way to say; the answer as it parses it."""
        params = {name: str(value) for name, value in (params or {}).items()}
        answer = self.client.send_request(
            method=method,
            url=f"http://{self.name}.ci.{self.region}.myqcloud.com{path}",
            bucket=self.name,
            auth=CosS3Auth(self.client.get_conf(), path, params),
            params=params,
            data=body,
            headers={},
            ci_request=True,
        )
        found = xml_to_dict(answer.content) if answer.content else {}
        for name in ("JobsDetail", "TemplateList", "QueueList", "NonExistJobIds"):
            if name in found and not isinstance(found[name], list):
                found[name] = [found[name]]
        return found

    def _one(self, job_id):
        return self.describe(job_id)["JobsDetail"][0]


def until(look, seconds=40):
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
    return found


@pytest.fixture
def batches(bucket):
    return Batches(bucket)


@pytest.fixture
def batches_of():
    return Batches


@pytest.fixture
def wait_until():
    return until
