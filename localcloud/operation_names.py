"""What the operations of the routing table are called: PutObject, GetBucketTagging, UploadPart ...

Most names follow from the table's row; those that do not are listed. They are COS's own (as in
its access policies; the job APIs of CI have their actions' names), and are found whatever their
case.
"""

from __future__ import annotations

from localcloud import routing
from localcloud.http import Request
from localcloud.identity.actions import ACTIONS

_Row = tuple[str, str, str, str]

_NAMES: dict[_Row, str] = {
    ("cos", "GET", "bucket", "uploads"): "ListMultipartUploads",
    ("cos", "GET", "bucket", "versions"): "GetBucketObjectVersions",
    ("cos", "POST", "bucket", "delete"): "DeleteMultipleObjects",
    ("cos", "POST", "bucket", ""): "PostObject",
    ("cos", "POST", "object", "append"): "AppendObject",
    ("cos", "POST", "object", "uploads"): "InitiateMultipartUpload",
    ("cos", "PUT", "object", "uploadId"): "UploadPart",
    ("cos", "GET", "object", "uploadId"): "ListParts",
    ("cos", "POST", "object", "uploadId"): "CompleteMultipartUpload",
    ("cos", "DELETE", "object", "uploadId"): "AbortMultipartUpload",
    ("cos", "POST", "object", "image_process"): "ImageProcess",
    ("cos", "GET", "object", "imageInspect"): "ImageInspect",
    ("cos", "POST", "object", "select"): "SelectObjectContent",
    ("cos", "PUT", "bucket", "intelligent-tiering"): "PutBucketIntelligentTieringConfiguration",
    ("cos", "GET", "bucket", "intelligent-tiering"): "GetBucketIntelligentTieringConfiguration",
    ("cos", "DELETE", "bucket", "intelligent-tiering"): (
        "DeleteBucketIntelligentTieringConfiguration"
    ),
    ("pic", "PUT", "bucket", "unbind"): "UnbindPicBucket",
}
PREFLIGHT = "OptionsObject"  # has no row: it needs no signature
# The same row, but for a header: the body comes from another object.
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
_ALIASES = {
    "listbuckets": "GetService",
    "listobjects": "GetBucket",
    "listobjectversions": "GetBucketObjectVersions",
    "putobjectcopy": "CopyObject",
    "createmultipartupload": "InitiateMultipartUpload",
    "deleteobjects": "DeleteMultipleObjects",
}
_WORDS = {
    "acl": "ACL",
    "cors": "CORS",
    "domaincertificate": "DomainCertificate",
    "intelligenttiering": "IntelligentTiering",
    "accelerate": "Accelerate",
}


def of_row(row: _Row) -> str:
    """The name of a row of the routing table."""
    service, method, scope, part = row
    if service == "ci" and row in ACTIONS:
        return ACTIONS[row].partition(":")[2]
    owner = "" if service in ("cos", "service") else service.capitalize()
    words = part.replace("_", "-").split("-") if part else []
    derived = [method.capitalize(), owner, scope.capitalize(), *map(_word, words)]
    return _NAMES.get(row) or "".join(derived)


def of_request(request: Request) -> str:
    """The name of the operation that a request means."""
    if request.service == "website":
        # Its visitors read objects.
        return of_row(("cos", "HEAD" if request.method == "HEAD" else "GET", "object", ""))
    row = (request.service, request.method, routing.scope(request), routing.sub_resource(request))
    name = of_row(row)
    return _COPIES.get(name, name) if "x-cos-copy-source" in request.headers else name


def all_names() -> list[str]:
    """Every operation that is played, in the order of the alphabet."""
    return sorted({*map(of_row, routing.OPERATIONS), *_COPIES.values(), PREFLIGHT})


def find(name: str) -> str | None:
    """The name as it is written here, whatever the case; S3's names are understood too."""
    known = {one.lower(): one for one in all_names()}
    wanted = name.lower()
    return known.get(wanted) or known.get(_ALIASES.get(wanted, "").lower())


def _word(text: str) -> str:
    return _WORDS.get(text) or text[:1].upper() + text[1:]
