"""Which operation a request means: a table of service, method, scope and sub-resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module

from localcloud.ci import binding, guetzli, inspection, persistence, protection, styles
from localcloud.ci.audit import door as audit
from localcloud.cloud import Cloud
from localcloud.cos import (
    acl,
    append,
    buckets,
    fetch,
    form_upload,
    listing,
    multipart,
    objects,
    policy,
    restore,
    retention,
    symlink,
    tagging,
    versioning,
)
from localcloud.cos.select import operation as select
from localcloud.cos.settings import table
from localcloud.errors import ServiceError
from localcloud.http import Request, Response

Handler = Callable[[Cloud, Request], Awaitable[Response]]


def _later(module: str, name: str) -> Handler:
    """An operation whose module is loaded by its first request: most clouds never see one."""

    async def operation(cloud: Cloud, request: Request) -> Response:
        found: Handler = getattr(import_module(f"localcloud.ci.{module}"), name)
        return await found(cloud, request)

    return operation


# On the ci host the path names the resource, `/*` is one of its kind.
# (service, method, scope, sub-resource in the query) -> operation.
OPERATIONS: dict[tuple[str, str, str, str], Handler] = {
    ("service", "GET", "service", ""): buckets.list_buckets,
    ("cos", "PUT", "bucket", ""): buckets.put_bucket,
    ("cos", "HEAD", "bucket", ""): buckets.head_bucket,
    ("cos", "DELETE", "bucket", ""): buckets.delete_bucket,
    ("cos", "GET", "bucket", ""): listing.list_objects,
    ("cos", "GET", "bucket", "location"): buckets.get_location,
    ("cos", "PUT", "bucket", "acl"): acl.put_bucket_acl,
    ("cos", "GET", "bucket", "acl"): acl.get_bucket_acl,
    ("cos", "PUT", "bucket", "versioning"): versioning.put_versioning,
    ("cos", "GET", "bucket", "versioning"): versioning.get_versioning,
    ("cos", "GET", "bucket", "versions"): versioning.list_versions,
    ("cos", "PUT", "bucket", "policy"): policy.put_policy,
    ("cos", "GET", "bucket", "policy"): policy.get_policy,
    ("cos", "DELETE", "bucket", "policy"): policy.delete_policy,
    ("cos", "GET", "bucket", "uploads"): multipart.list_uploads,
    ("cos", "POST", "bucket", "delete"): objects.delete_objects,
    ("cos", "PUT", "object", ""): objects.put_object,
    ("cos", "GET", "object", ""): objects.get_object,
    ("cos", "HEAD", "object", ""): objects.head_object,
    ("cos", "DELETE", "object", ""): objects.delete_object,
    ("cos", "PUT", "object", "acl"): acl.put_object_acl,
    ("cos", "GET", "object", "acl"): acl.get_object_acl,
    ("cos", "PUT", "object", "tagging"): tagging.put_tagging,
    ("cos", "GET", "object", "tagging"): tagging.get_tagging,
    ("cos", "DELETE", "object", "tagging"): tagging.delete_tagging,
    ("cos", "POST", "bucket", ""): form_upload.post_object,
    ("cos", "POST", "object", "append"): append.append_object,
    ("cos", "POST", "object", "restore"): restore.restore_object,
    ("cos", "POST", "object", "select"): select.select_object,
    ("cos", "PUT", "object", "symlink"): symlink.put_symlink,
    ("cos", "GET", "object", "symlink"): symlink.get_symlink,
    ("cos", "PUT", "object", "retention"): retention.put_retention,
    ("cos", "GET", "object", "retention"): retention.get_retention,
    ("cos", "POST", "object", "uploads"): multipart.initiate,
    ("cos", "PUT", "object", "uploadId"): multipart.upload_part,
    ("cos", "GET", "object", "uploadId"): multipart.list_parts,
    ("cos", "POST", "object", "uploadId"): multipart.complete,
    ("cos", "DELETE", "object", "uploadId"): multipart.abort,
    ("cos", "POST", "object", "image_process"): persistence.image_process,
    ("cos", "GET", "object", "ci-process"): inspection.ci_process,
    ("cos", "GET", "object", "imageInspect"): inspection.image_inspect,
    ("pic", "PUT", "bucket", ""): binding.bind,
    ("pic", "GET", "bucket", ""): binding.status,
    ("pic", "PUT", "bucket", "unbind"): binding.unbind,
    ("pic", "PUT", "bucket", "hotlink"): protection.put_hotlink,
    ("pic", "GET", "bucket", "hotlink"): protection.get_hotlink,
    ("pic", "PUT", "bucket", "origin-protect"): protection.protect_origin,
    ("pic", "GET", "bucket", "origin-protect"): protection.origin_status,
    ("pic", "DELETE", "bucket", "origin-protect"): protection.release_origin,
    ("pic", "PUT", "bucket", "guetzli"): guetzli.switch_on,
    ("pic", "GET", "bucket", "guetzli"): guetzli.status,
    ("pic", "DELETE", "bucket", "guetzli"): guetzli.switch_off,
    ("pic", "PUT", "bucket", "style"): styles.put_style,
    ("pic", "GET", "bucket", "style"): styles.get_style,
    ("pic", "DELETE", "bucket", "style"): styles.delete_style,
    ("ci", "POST", "/inventorytriggerjob", ""): _later("batch.operations", "create"),
    ("ci", "GET", "/inventorytriggerjob", ""): _later("batch.operations", "list_jobs"),
    ("ci", "GET", "/inventorytriggerjob/*", ""): _later("batch.operations", "describe"),
    ("ci", "PUT", "/inventorytriggerjob/*", "cancel"): _later("batch.operations", "cancel"),
    ("ci", "POST", "/pic_jobs", ""): _later("batch.pic_jobs", "create"),
    ("ci", "GET", "/pic_jobs", ""): _later("batch.pic_jobs", "list_jobs"),
    ("ci", "GET", "/pic_jobs/*", ""): _later("batch.pic_jobs", "describe"),
    ("ci", "PUT", "/pic_jobs/*", "cancel"): _later("batch.pic_jobs", "cancel"),
    ("ci", "PUT", "/jobs/*", "cancel"): _later("batch.pic_jobs", "cancel"),
    ("ci", "GET", "/queue", ""): _later("queues", "list_media"),
    ("ci", "PUT", "/queue/*", ""): _later("queues", "update_media"),
    ("ci", "GET", "/picqueue", ""): _later("queues", "list_pictures"),
    ("ci", "PUT", "/picqueue/*", ""): _later("queues", "update_pictures"),
    ("ci", "POST", "/template", ""): _later("templates", "create"),
    ("ci", "GET", "/template", ""): _later("templates", "list_templates"),
    ("ci", "PUT", "/template/*", ""): _later("templates", "update"),
    ("ci", "DELETE", "/template/*", ""): _later("templates", "delete"),
    ("migration", "POST", "bucket", ""): fetch.submit,
    ("migration", "GET", "object", ""): fetch.status,
    **table.operations(),
    **audit.OPERATIONS,
}
# Values of `ci-process` that have rows of their own.
_PROCESSES = (audit.PROCESS,)
# Sub-resources of COS, CI and S3, played or not: who names one never means the plain object or
# bucket.
_SUB_RESOURCES = frozenset(
    row[3] for row in OPERATIONS if row[3] and row[0] != "ci" and row[3] not in _PROCESSES
) | frozenset(
    ("rename", "truncate", "legal-hold", "attributes", "torrent", "policyStatus",
     "publicAccessBlock", "ownershipControls", "requestPayment", "analytics", "metrics", "session",
     "renameObject", "metadataConfiguration", "metadataTable", "abac")
)  # fmt: skip
# The paths of the job APIs (host ci): a job's id may follow one.
_COLLECTIONS = frozenset(
    row[3] for row in OPERATIONS if row[0] == "ci" and row[2] in ("bucket", "job")
)
_CI_RESOURCES = frozenset(row[2] for row in OPERATIONS if row[0] == "ci" and "/" in row[2])
_CI_SUB_RESOURCES = frozenset(row[3] for row in OPERATIONS if row[3] and row[2] in _CI_RESOURCES)
# A bucket is made and unmade only by a request that says nothing else (but who signed it).
_BARE = (("PUT", "bucket"), ("DELETE", "bucket"))
_HARMLESS = ("q-", "x-cos-", "x-ci-", "sign", "response-")
# What goes with an operation, often without a value. Any other name without one is an operation
# that is not known here, except where an object is read: links carry all kinds of versions.
_PARAMETERS = frozenset(
    ("prefix", "delimiter", "marker", "max-keys", "encoding-type", "key-marker",
     "version-id-marker", "upload-id-marker", "max-uploads", "versionId", "partNumber", "id",
     "continuation-token")
)  # fmt: skip
_READS = (("GET", "object"), ("HEAD", "object"))
_KNOWN_METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))


def scope(request: Request) -> str:
    """Whether the request is about an object, a job, a bucket, or the service as a whole; on the ci
    host also the resource that its path names, such as `/picqueue` or `/picqueue/*`."""
    if request.service == "ci":
        if path := _collection(request):
            return "bucket" if request.key == path else "job"
        for resource in (f"/{request.key}", f"/{request.key.rpartition('/')[0]}/*"):
            if resource in _CI_RESOURCES:
                return resource
    if request.key:
        return "object"
    return "bucket" if request.bucket else "service"


def sub_resource(request: Request) -> str:
    """The part of an object or bucket that the query names (`tagging`, `acl` ...), or nothing.

    A `ci-process` that has a row of its own goes by its name; the job APIs go by their path.
    """
    if request.service == "ci":
        named = next((p.name for p in request.query if p.name in _CI_SUB_RESOURCES), "")
        return _collection(request) or named
    place = (request.method, scope(request))
    for param in request.query:
        if param.name == "ci-process" and param.value in _PROCESSES:
            return param.value
        if param.name in _SUB_RESOURCES:
            return param.name
        if place in _BARE and not param.name.startswith(_HARMLESS):
            return param.name
    if request.service == "cos" and place not in _READS:
        for param in request.query:
            known = param.value or param.name in _PARAMETERS or param.name.startswith(_HARMLESS)
            if not known:
                return param.name
    return ""


def _collection(request: Request) -> str:
    path = request.key
    if path not in _COLLECTIONS:
        path = path.rpartition("/")[0]
    return path if path in _COLLECTIONS else ""


def check_single(request: Request) -> None:
    """Raises `ServiceError` InvalidArgument for a query that names two sub-resources."""
    if len(request.query) < 2:
        return
    named = dict.fromkeys(param.name for param in request.query if param.name in _SUB_RESOURCES)
    if len(named) > 1:
        raise ServiceError(
            "InvalidArgument", f"the query names {' and '.join(named)}: one of them is allowed"
        )


def row(request: Request) -> tuple[str, str, str, str]:
    """Where the request stands in `OPERATIONS`, if it is there."""
    return request.service, request.method, scope(request), sub_resource(request)


def operation(request: Request) -> Handler:
    """The handler. Raises `ServiceError` NotImplemented or MethodNotAllowed with its name,
    InvalidArgument for two operations at once."""
    check_single(request)
    _, _, wanted, part = place = row(request)
    handler = OPERATIONS.get(place)
    if handler is not None:
        return handler
    named = f"{request.method} {wanted}{f' ?{part[:100]}' if part else ''} on {request.host[:200]}"
    if request.method not in _KNOWN_METHODS or (not part and request.service == "cos"):
        raise ServiceError("MethodNotAllowed", f"{named} is no operation of COS")
    raise ServiceError("NotImplemented", f"{named} is not played by the local cloud")
