"""The end of a job is told to a URL: on this machine, and nowhere else (CI manual 004:69818)."""

import http.server
import json
import threading
from contextlib import contextmanager

import pytest
from defusedxml.ElementTree import fromstring


class _Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def receiver(*answers):
    """A server on loopback: what it was `told`, its `url`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.told, server.answers = [], list(answers)
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def told(start_cloud, bucket_of, batches_of):
    """A receiver that a cloud of the test's own may call, and a bucket there."""

    @contextmanager
    def start(*answers):
        with (
            receiver(*answers) as server,
            start_cloud("--no-functions", "--callback", server.url) as cloud,
        ):
            bucket = bucket_of(cloud)
            bucket.put("in/a.jpg")
            yield server, batches_of(bucket)

    return start


def test_both_forms(told, wait_until):
    with told() as (server, batches):
        xml = batches.submit_picture("in/a.jpg", CallBack=f"{server.url}/hook?x=1")
        batches.picture(xml["JobId"])
        wait_until(lambda: server.told)
        path, kind, body = server.told.pop()
        assert (path, kind) == ("/hook?x=1", "application/xml")
        root = fromstring(body)
        assert root.findtext("EventName") == "TaskFinish"
        assert root.findtext("JobsDetail/JobId") == xml["JobId"]
        assert root.findtext("JobsDetail/State") == "Success"
        assert root.findtext("JobsDetail/Operation/PicProcessResult/ObjectName") == "out.jpg"
        made = batches.submit_picture(
            "in/a.jpg", CallBack=f"{server.url}/hook", CallBackFormat="JSON",
            operation={"JobLevel": "1", "UserData": "mine"},
        )  # fmt: skip
        wait_until(lambda: server.told)
        _, kind, body = server.told.pop()
        assert kind == "application/json"
        document = json.loads(body)
        (job,) = document["JobsDetail"]
        assert document["EventName"] == "TaskFinish"
        assert (job["JobId"], job["Operation"]["JobLevel"]) == (made["JobId"], 1)
        assert job["Operation"]["UserData"] == "mine"
        assert job["Operation"]["PicProcessResult"]["ProcessResult"]["Width"] == "48"


def test_each_job_of_a_batch_is_told(told, wait_until):
    with told() as (server, batches):
        batches.bucket.put("in/b.jpg", b"none")
        done = batches.run({"Prefix": "in/"}, CallBack=f"{server.url}/", CallBackFormat="JSON")
        wait_until(lambda: len(server.told) == 2)
        jobs = [json.loads(body)["JobsDetail"][0] for _, _, body in server.told]
        states = {job["Input"]["Object"]: job["State"] for job in jobs}
        assert states == {"in/a.jpg": "Success", "in/b.jpg": "Failed"}
        assert done["Message"] == "Total=2 Success=1 Failed=1"


def test_the_queues_own(told, wait_until):
    with told() as (server, batches):
        notify = {
            "State": "On", "Type": "Url", "Event": "TaskFinish", "ResultFormat": "JSON",
            "Url": f"{server.url}/queue",
        }  # fmt: skip
        batches.set_queue("Active", **notify)
        batches.submit_picture("in/a.jpg")
        wait_until(lambda: server.told)
        assert server.told.pop()[:2] == ("/queue", "application/json")
        batches.submit_picture("in/a.jpg", CallBack=f"{server.url}/own", CallBackFormat="XML")
        wait_until(lambda: server.told)
        assert server.told.pop()[:2] == ("/own", "application/xml")
        silent = batches.submit_picture("in/a.jpg", CallBack="no")
        batches.picture(silent["JobId"])
        batches.set_queue("Active", **{**notify, "Event": "WorkflowFinish"})
        batches.picture(batches.submit_picture("in/a.jpg")["JobId"])
        last = batches.submit_picture("in/a.jpg", CallBack=f"{server.url}/last")
        wait_until(lambda: server.told)
        assert [path for path, _, _ in server.told] == ["/last"]
        batches.picture(last["JobId"])


def test_an_error_is_tried_again(told, wait_until):
    with told(500) as (server, batches):
        batches.submit_picture("in/a.jpg", CallBack=f"{server.url}/hook")
        wait_until(lambda: len(server.told) == 2)
        assert server.told[0] == server.told[1]


@pytest.mark.parametrize("place", ["other port", "name", "outside", "user", "https"])
def test_nowhere_else(told, wait_until, place):
    with receiver() as other, told() as (server, batches):
        port = other.server_port
        url = {
            "other port": other.url,
            "name": f"http://localhost:{server.server_port}/",
            "outside": "http://callback.demo.com/",
            "user": f"http://{server.url[7:]}@127.0.0.1:{port}/",
            "https": server.url.replace("http:", "https:"),
        }[place]
        for _ in range(2):
            done = batches.picture(batches.submit_picture("in/a.jpg", CallBack=url)["JobId"])
            assert done["State"] == "Success"
        # One that may go comes through behind it: callbacks are sent one after the other.
        batches.submit_picture("in/a.jpg", CallBack=f"{server.url}/good")
        wait_until(lambda: server.told)
        assert [path for path, _, _ in server.told] == ["/good"]
        assert other.told == []
        log = batches.bucket.cloud.log.read_text()
        assert log.count(f"is not told to {url}") == 1


@pytest.mark.parametrize(
    "origin", ["http://example.com:80", "https://127.0.0.1:1", "http://127.0.0.1", "127.0.0.1:1",
               "http://127.0.0.1:x", "http://127.0.0.1:1/path", "http://10.0.0.1:80"],
)  # fmt: skip
def test_only_loopback_can_be_named(start_cloud, origin):
    with (
        pytest.raises(pytest.fail.Exception, match="--callback is"),
        start_cloud("--no-functions", "--callback", origin),
    ):
        pass
