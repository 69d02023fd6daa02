"""What the tests of objects share."""

import pytest
from qcloud_cos import CosServiceError


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture
def fresh(cloud):
    """The name of a bucket of the test's own."""
    return cloud.new_bucket()


@pytest.fixture
def code_of():
    """Call what must be refused: (status, code)."""

    def call(function, *arguments, **options):
        with pytest.raises(CosServiceError) as caught:
            function(*arguments, **options)
        return caught.value.get_status_code(), caught.value.get_error_code()

    return call


@pytest.fixture
def body_of(client):
    def read(bucket, key, **options):
        return client.get_object(Bucket=bucket, Key=key, **options)["Body"].get_raw_stream().read()

    return read
