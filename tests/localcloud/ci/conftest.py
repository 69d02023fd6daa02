"""What the tests of Cloud Infinite share: a bucket, pictures of known pixels, raw requests."""

import http.client
import io
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from defusedxml.ElementTree import fromstring
from PIL import Image
from qcloud_cos import CosConfig, CosS3Client, CosServiceError
from qcloud_cos.cos_auth import CosS3Auth

from localcloud.config import DEFAULT_REGION, Config

LEFT, RIGHT = (200, 30, 30), (30, 30, 200)


def make_photo(size=(96, 54), format="JPEG", **options):
    """Left half red, right half blue."""
    image = Image.new("RGB", size, LEFT)
    image.paste(RIGHT, (size[0] // 2, 0, *size))
    file = io.BytesIO()
    image.save(file, format, **({"quality": 92} if format == "JPEG" else {}), **options)
    return file.getvalue()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def error(self):
        """(code, X-ErrNo, message) of an error's XML, which must be whole."""
        root = fromstring(self.body)
        fields = {node.tag: node.text for node in root}
        assert root.tag == "Error"
        assert all(fields.get(name) for name in ("Code", "Message", "Resource", "RequestId"))
        assert self.headers["Content-Type"] == "application/xml"
        assert self.headers["x-cos-request-id"] == fields["RequestId"]
        return fields["Code"], self.headers.get("X-ErrNo"), fields["Message"]


class Bucket:
    """A fresh bucket in a running cloud, through the SDK and by hand."""

    def __init__(self, cloud):
        self.cloud, self.client, self.name = cloud, cloud.client(), cloud.new_bucket()

    def put(self, key, body=None):
        content = make_photo() if body is None else body
        self.client.put_object(Bucket=self.name, Key=key, Body=content)
        return key

    def body(self, key, bucket=None):
        answer = self.client.get_object(Bucket=bucket or self.name, Key=key)
        return answer["Body"].get_raw_stream().read()

    def image(self, key, bucket=None):
        return Image.open(io.BytesIO(self.body(key, bucket)))

    def head(self, key):
        return self.client.head_object(Bucket=self.name, Key=key)

    def keys(self):
        contents = self.client.list_objects(Bucket=self.name).get("Contents", [])
        return sorted(entry["Key"] for entry in contents)

    def presigned(self, key, params=None):
        return self.client.get_presigned_url(
            Bucket=self.name, Key=key, Method="GET", Params=params or {}
        )

    def get(self, url, **headers):
        """GET exactly `url`, nothing of it encoded anew, by way of the proxy."""
        return self.request("GET", url, headers)

    def request(self, method, url, headers, body=None):
        proxy = urlsplit(self.cloud.url)
        connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=30)
        try:
            host = {"Host": urlsplit(url).netloc}
            connection.request(method, url, body=body, headers=host | headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def processed(self, key, rule):
        """GET with `rule` added behind a signature that knows nothing of it."""
        return self.get(f"{self.presigned(key)}&{rule}")

    def pic(self, method, params=None, body=None):
        """A signed request to the bucket's pic host: (headers, body)."""
        params = params or {}
        answer = self.client.send_request(
            method=method,
            url=f"http://{self.name}.pic.{self.cloud.region}.myqcloud.com/",
            bucket=self.name,
            auth=CosS3Auth(self.client.get_conf(), "/", params),
            params=params,
            data=body,
            headers={},
        )
        return answer.headers, answer.content


@pytest.fixture
def bucket(cloud):
    return Bucket(cloud)


@pytest.fixture
def photo():
    return make_photo


@pytest.fixture
def open_image():
    return lambda body: Image.open(io.BytesIO(body))


@pytest.fixture
def refused():
    """Call and give back the SDK's error: (status, code, message, headers are not kept)."""

    def call(function, *arguments, **options):
        with pytest.raises(CosServiceError) as caught:
            function(*arguments, **options)
        error = caught.value
        assert error.get_request_id() not in ("", "Unknown")
        return error.get_status_code(), error.get_error_code(), error.get_error_msg()

    return call


class _Inside:
    """A cloud in this process as `Bucket` wants it."""

    region = DEFAULT_REGION

    def __init__(self, opened):
        self.url = opened.url

    def client(self):
        config = Config()
        return CosS3Client(
            CosConfig(
                Region=self.region,
                SecretId=config.secret_id,
                SecretKey=config.secret_key,
                Scheme="http",
                Proxies={"http": self.url},
            ),
            retry=0,
        )

    def new_bucket(self):
        name = f"test-{uuid.uuid4().hex[:12]}-1250000000"
        self.client().create_bucket(Bucket=name)
        return name


@pytest.fixture
def near(inside):
    """A bucket of the cloud `inside`, whose counters can be read."""
    return Bucket(_Inside(inside))


@pytest.fixture
def neighbour(inside):
    """Another one."""
    return Bucket(_Inside(inside))


@pytest.fixture
def bucket_of():
    """A fresh bucket in a cloud that a test has started."""
    return Bucket
