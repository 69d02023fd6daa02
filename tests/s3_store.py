"""An S3-compatible store for tests: moto's server in a process of its own, one request at a time.

moto checks a condition and writes in two steps; a store that takes one request after the other does
both at once, as S3 does.
"""

import os
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager

import boto3

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDstore",
    "AWS_SECRET_ACCESS_KEY": "store-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class S3Store:
    """`endpoint`, and the `environment` in which boto3 gets in."""

    bucket = "shared-store"

    def __init__(self, process, port):
        self.process, self.port = process, port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment = dict(KEYS)
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    def new_place(self):
        """Where nothing is yet, as `--storage` takes it."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex[:12]}"

    def names(self, place):
        """All that lies there, without the place's own name."""
        prefix = place.partition(f"s3://{self.bucket}/")[2] + "/"
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return [row["Key"][len(prefix) :] for page in pages for row in page.get("Contents", [])]


@contextmanager
def s3_store(port=0, **environment):
    """A running store with an empty bucket."""
    with subprocess.Popen(
        [sys.executable, __file__, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env={**os.environ, **environment},
    ) as process:  # fmt: skip
        try:
            store = S3Store(process, int(process.stdout.readline()))
            store.client.create_bucket(Bucket=store.bucket)
            yield store
        finally:
            process.kill()


def _serve(port):
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ, start_response):
        with lock:
            return list(application(environ, start_response))

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

    server = make_server("127.0.0.1", port, one_at_a_time, True, request_handler=Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
