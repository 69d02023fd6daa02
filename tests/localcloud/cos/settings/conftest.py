"""Helpers of the tests of settings."""

import base64
import hashlib

import pytest
from qcloud_cos import CosServiceError


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture
def bucket(cloud):
    return cloud.new_bucket()


@pytest.fixture
def refused():
    """(status, code) of a call that the service refuses."""

    def call(method, **options):
        with pytest.raises(CosServiceError) as caught:
            method(**options)
        return caught.value.get_status_code(), caught.value.get_error_code()

    return call


@pytest.fixture
def put_xml(signed):
    """PUT a setting's document as it stands, with its Content-MD5."""

    def put(name, body, method="PUT", **params):
        body = body.encode() if isinstance(body, str) else body
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        return signed(
            method, "/", params={name: "", **params}, data=body, headers={"Content-MD5": digest}
        )

    return put
