"""CI's batch jobs: one rule for the objects of a list, carried out by the service's own cluster.

CI manual 004:91709 (create), 004:93387 (describe), 004:93596 (list), 004:69530 (the picture jobs of
a batch).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, NamedTuple, cast

from shared import retries
from shared.cos import Cos
from shared.errors import CloudError
from shared.pic_operations import OriginalInfo, ProcessedObject

OPEN = ("Submitted", "Running", "Pause")
_PAGE = 100


class PictureJob(NamedTuple):
    """One object of a batch: its `source` key, and what was made of it, or None if it failed."""

    id: str
    source: str
    original: OriginalInfo
    made: ProcessedObject | None


class BatchCos(Cos):
    """COS and CI with what a bulk run needs beside. Methods raise `CloudError`."""

    def ensure_batch(self, bucket: str, name: str, operation: Mapping[str, Any], urls: str) -> str:
        """The id of the batch job `name`, made if there is none: an answer that was lost, or a
        caller that died, leaves no second one. `urls` is the key (or address) of a file with an
        object's address in each line, `operation` what to do: Tag, JobParam, Output.
        """
        body = {
            "Name": name,
            "Type": "Job",
            "Input": {"UrlFile": urls},
            "Operation": {**operation, "QueueId": self.picture_queue(bucket)},
        }

        def find_or_create() -> str:
            listed = self._attempt(
                "ListInventoryTriggerJobs",
                lambda: self._client.ci_list_inventory_trigger_jobs(
                    Bucket=bucket, Name=name, Type="Job"
                ),
                None,
            )
            for job in _many(listed.get("JobsDetail")):
                if job.get("Name") == name:
                    return str(job["JobId"])
            made = self._attempt(
                "CreateInventoryTriggerJob",
                lambda: self._client.ci_create_inventory_trigger_jobs(Bucket=bucket, JobBody=body),
                None,
            )
            return str(_many(made["JobsDetail"])[0]["JobId"])

        return retries.run(
            find_or_create, attempts=self._settings.attempts, deadline=self._deadline
        )

    def picture_queue(self, bucket: str) -> str:
        """The id of the bucket's queue for picture jobs (CI manual 004:15981)."""
        answer = self._call(
            "DescribePicQueues", lambda: self._client.ci_get_media_pic_queue(Bucket=bucket)
        )
        queues = _many(answer.get("QueueList"))
        if not queues:
            raise CloudError("QueueNotFound", f"{bucket} has no queue for picture jobs", status=404)
        return str(queues[0]["QueueId"])

    def batch_state(self, bucket: str, job: str) -> tuple[str, str]:
        """The state of a batch job, and the error of one that Failed."""
        answer = self._call(
            "DescribeInventoryTriggerJob",
            lambda: self._client.ci_get_inventory_trigger_jobs(Bucket=bucket, JobID=job),
        )
        found = _many(answer.get("JobsDetail"))
        if not found:
            return "Failed", f"there is no batch job {job}"
        return str(found[0]["State"]), f"{found[0].get('Code')}: {found[0].get('Message')}"

    def cancel_batch(self, bucket: str, job: str) -> None:
        """No more of its objects are begun; a batch that has ended stays as it is."""
        with suppress(CloudError):
            self._call(
                "CancelInventoryTriggerJob",
                lambda: self._client.ci_delete_inventory_trigger_jobs(Bucket=bucket, JobId=job),
            )

    def picture_jobs(self, bucket: str, batch: str) -> Iterator[PictureJob]:
        """What became of each object of a batch."""
        token = ""
        while True:
            page = self._picture_page(bucket, batch, token)
            for job in _many(page.get("JobsDetail")):
                yield _picture_job(job)
            token = str(page.get("NextToken") or "")
            if not token:
                return

    def _picture_page(self, bucket: str, batch: str, token: str) -> Mapping[str, Any]:
        from qcloud_cos.cos_auth import CosS3Auth
        from qcloud_cos.cos_comm import xml_to_dict

        path = "/pic_jobs"
        # The SDK's own method has no place for the batch's id.
        params = {"tag": "PicProcess", "inventoryTriggerJobId": batch, "size": str(_PAGE),
                  "orderByTime": "Asc", "nextToken": token}  # fmt: skip
        config = self._client.get_conf()

        def ask() -> Mapping[str, Any]:
            answer = self._client.send_request(
                method="GET",
                url=config.uri(bucket=bucket, path=path, endpoint=config._endpoint_ci),
                bucket=bucket,
                auth=CosS3Auth(config, path, params=params),
                params=params,
                headers={},
                ci_request=True,
            )
            return cast("Mapping[str, Any]", xml_to_dict(answer.content))

        return self._call("ListPicJobs", ask)

    def open_object(self, bucket: str, key: str) -> IO[bytes]:
        """An object of any size, to be read as it comes. Reading raises what urllib3 raises."""
        return self._call(
            "GetObject",
            lambda: cast(
                "IO[bytes]",
                self._client.get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream(),
            ),
        )


def _many(value: Any) -> list[dict[str, Any]]:
    """One element is a dict, several are a list, none is None."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def _picture_job(job: Mapping[str, Any]) -> PictureJob:
    source = str((job.get("Input") or {}).get("Object") or "")
    told = (job.get("Operation") or {}).get("PicProcessResult") or {}
    original, made = told.get("OriginalInfo") or {}, told.get("ProcessResult")
    info = original.get("ImageInfo") or {}
    read = OriginalInfo(
        key=source,
        location="",
        etag=str(original.get("Etag") or "").strip('"'),
        format=str(info.get("Format") or "").lower(),
        width=int(info.get("Width") or 0),
        height=int(info.get("Height") or 0),
        quality=int(info.get("Quality") or 0),
        average=str(info.get("Ave") or ""),
        orientation=int(info.get("Orientation") or 1),
        frames=int(info.get("FrameCount") or 1),
    )
    if job.get("State") != "Success" or not isinstance(made, Mapping):
        return PictureJob(str(job.get("JobId")), source, read, None)
    return PictureJob(
        str(job.get("JobId")),
        source,
        read,
        ProcessedObject(
            key=str(told.get("ObjectName") or ""),
            location="",
            format=str(made.get("Format") or "").lower(),
            width=int(made.get("Width") or 0),
            height=int(made.get("Height") or 0),
            size=int(made.get("Size") or 0),
            quality=int(made.get("Quality") or 0),
            etag=str(made.get("Etag") or "").strip('"'),
            frames=int(made.get("FrameCount") or 1),
        ),
    )
