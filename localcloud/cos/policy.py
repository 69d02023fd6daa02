"""`?policy` of a bucket: stored as sent once it can be read, and asked at every request."""

from __future__ import annotations

from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.identity.authorization import POLICY_SETTING
from localcloud.identity.policies import PolicyError, parse
from localcloud.limits import MAX_POLICY


async def put_policy(cloud: Cloud, request: Request) -> Response:
    """PUT Bucket policy: replaces the whole policy. At most 20 KB of JSON."""
    cloud.storage.bucket(request.bucket)
    try:
        text = (await request.read(MAX_POLICY)).decode()
        parse(text, principals=True)
    except UnicodeDecodeError:
        raise ServiceError("MalformedPolicy", "the policy is not UTF-8") from None
    except PolicyError as error:
        raise ServiceError("MalformedPolicy", str(error)) from None
    except ServiceError as error:
        if error.code != "XMLSizeLimit":
            raise
        raise ServiceError(
            "PolicyTooLarge", f"the policy has more than {MAX_POLICY} bytes, the most allowed"
        ) from None
    cloud.storage.set_setting(request.bucket, POLICY_SETTING, text)
    return Response(204)


async def get_policy(cloud: Cloud, request: Request) -> Response:
    """GET Bucket policy, as it was put."""
    text = cloud.storage.get_setting(request.bucket, POLICY_SETTING)
    if text is None:
        cloud.storage.bucket(request.bucket)
        raise ServiceError("NoSuchBucketPolicy", f"The policy of {request.bucket} does not exist.")
    return Response(200, {"Content-Type": "application/json"}, text.encode())


async def delete_policy(cloud: Cloud, request: Request) -> Response:
    """DELETE Bucket policy; 204 whether or not there was one."""
    cloud.storage.set_setting(request.bucket, POLICY_SETTING, None)
    return Response(204)
