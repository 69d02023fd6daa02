"""Which action of the policy language each operation is: the table beside `routing.OPERATIONS`.

Rows are keyed as there. An operation that is not listed can be called only by who may do everything
(a test asks for a row). Names of COS: https://cloud.tencent.com/document/product/436/65935; of CI:
https://cloud.tencent.com/document/product/460/41741. Where the public list has no name for an
operation of CI, one is formed the same way.
"""

from __future__ import annotations

Row = tuple[str, str, str, str]


def _settings(sub_resource: str, name: str, methods: str = "PUT GET DELETE") -> dict[Row, str]:
    """The rows of a bucket's setting: PutBucket<name>, GetBucket<name>, DeleteBucket<name>."""
    return {
        ("cos", method, "bucket", sub_resource): f"cos:{method.capitalize()}Bucket{name}"
        for method in methods.split()
    }


ACTIONS: dict[Row, str] = {
    ("service", "GET", "service", ""): "cos:GetService",
    ("cos", "PUT", "bucket", ""): "cos:PutBucket",
    ("cos", "HEAD", "bucket", ""): "cos:HeadBucket",
    ("cos", "DELETE", "bucket", ""): "cos:DeleteBucket",
    ("cos", "GET", "bucket", ""): "cos:GetBucket",
    ("cos", "POST", "bucket", ""): "cos:PostObject",
    ("cos", "GET", "bucket", "versions"): "cos:GetBucketObjectVersions",
    ("cos", "GET", "bucket", "location"): "cos:GetBucketLocation",
    ("cos", "GET", "bucket", "uploads"): "cos:ListMultipartUploads",
    ("cos", "POST", "bucket", "delete"): "cos:DeleteMultipleObjects",
    **_settings("accelerate", "Accelerate", "PUT GET"),
    **_settings("acl", "ACL", "PUT GET"),
    **_settings("cors", "CORS"),
    **_settings("domain", "Domain"),
    **_settings("domaincertificate", "DomainCertificate"),
    **_settings("encryption", "Encryption"),
    **_settings("intelligenttiering", "IntelligentTiering", "PUT GET"),
    **_settings("intelligent-tiering", "IntelligentTiering"),
    **_settings("inventory", "Inventory"),
    ("cos", "POST", "bucket", "inventory"): "cos:PostBucketInventory",
    **_settings("lifecycle", "Lifecycle"),
    **_settings("logging", "Logging", "PUT GET"),
    **_settings("notification", "Notification", "PUT GET"),
    **_settings("object-lock", "ObjectLockConfiguration", "PUT GET"),
    **_settings("origin", "Origin"),
    **_settings("policy", "Policy"),
    **_settings("referer", "Referer"),
    **_settings("replication", "Replication"),
    **_settings("tagging", "Tagging"),
    **_settings("versioning", "Versioning", "PUT GET"),
    **_settings("website", "Website"),
    ("cos", "PUT", "object", ""): "cos:PutObject",
    ("cos", "GET", "object", ""): "cos:GetObject",
    ("cos", "HEAD", "object", ""): "cos:HeadObject",
    ("cos", "OPTIONS", "object", ""): "cos:OptionsObject",
    ("cos", "OPTIONS", "bucket", ""): "cos:OptionsObject",
    ("cos", "DELETE", "object", ""): "cos:DeleteObject",
    ("cos", "PUT", "object", "acl"): "cos:PutObjectACL",
    ("cos", "GET", "object", "acl"): "cos:GetObjectACL",
    ("cos", "POST", "object", "append"): "cos:AppendObject",
    ("cos", "PUT", "object", "legal-hold"): "cos:PutObjectLegalHold",
    ("cos", "GET", "object", "legal-hold"): "cos:GetObjectLegalHold",
    ("cos", "PUT", "object", "retention"): "cos:PutObjectRetention",
    ("cos", "GET", "object", "retention"): "cos:GetObjectRetention",
    ("cos", "PUT", "object", "rename"): "cos:RenameObject",
    ("cos", "POST", "object", "restore"): "cos:PostObjectRestore",
    ("cos", "POST", "object", "select"): "cos:SelectObjectContent",
    ("cos", "PUT", "object", "symlink"): "cos:PutSymlink",
    ("cos", "GET", "object", "symlink"): "cos:GetSymlink",
    ("cos", "PUT", "object", "tagging"): "cos:PutObjectTagging",
    ("cos", "GET", "object", "tagging"): "cos:GetObjectTagging",
    ("cos", "DELETE", "object", "tagging"): "cos:DeleteObjectTagging",
    ("cos", "POST", "object", "uploads"): "cos:InitiateMultipartUpload",
    ("cos", "PUT", "object", "uploadId"): "cos:UploadPart",
    ("cos", "GET", "object", "uploadId"): "cos:ListParts",
    ("cos", "POST", "object", "uploadId"): "cos:CompleteMultipartUpload",
    ("cos", "DELETE", "object", "uploadId"): "cos:AbortMultipartUpload",
    ("cos", "POST", "object", "image_process"): "ci:CreateImageProcess",
    ("cos", "GET", "object", "ci-process"): "ci:DescribeCIProcess",
    ("cos", "GET", "object", "imageInspect"): "ci:DescribeImageInspect",
    ("ci", "POST", "/inventorytriggerjob", ""): "ci:CreateInventoryTriggerJob",
    ("ci", "GET", "/inventorytriggerjob", ""): "ci:DescribeInventoryTriggerJobs",
    ("ci", "GET", "/inventorytriggerjob/*", ""): "ci:DescribeInventoryTriggerJob",
    ("ci", "PUT", "/inventorytriggerjob/*", "cancel"): "ci:CancelInventoryTriggerJob",
    ("ci", "POST", "/pic_jobs", ""): "ci:CreatePicJobs",
    ("ci", "GET", "/pic_jobs", ""): "ci:DescribePicJobs",
    ("ci", "GET", "/pic_jobs/*", ""): "ci:DescribePicJob",
    ("ci", "PUT", "/pic_jobs/*", "cancel"): "ci:CancelPicJob",
    ("ci", "PUT", "/jobs/*", "cancel"): "ci:CancelMediaJob",
    ("ci", "GET", "/queue", ""): "ci:DescribeMediaQueues",
    ("ci", "PUT", "/queue/*", ""): "ci:UpdateMediaQueue",
    ("ci", "GET", "/picqueue", ""): "ci:DescribePicQueues",
    ("ci", "PUT", "/picqueue/*", ""): "ci:UpdatePicQueue",
    ("ci", "POST", "/template", ""): "ci:CreateMediaTemplate",
    ("ci", "GET", "/template", ""): "ci:DescribeMediaTemplates",
    ("ci", "PUT", "/template/*", ""): "ci:UpdateMediaTemplate",
    ("ci", "DELETE", "/template/*", ""): "ci:DeleteMediaTemplate",
    ("migration", "POST", "bucket", ""): "cos:PutAsyncFetchTask",
    ("migration", "GET", "object", ""): "cos:GetAsyncFetchTask",
    ("cos", "GET", "object", "sensitive-content-recognition"): "ci:CreateAuditingPictureJob",
    ("cos", "GET", "bucket", "sensitive-content-recognition"): "ci:CreateAuditingPictureJob",
    ("ci", "POST", "bucket", "image/auditing"): "ci:CreateAuditingPictureJob",
    ("ci", "GET", "job", "image/auditing"): "ci:DescribeAuditingPictureJob",
    ("ci", "POST", "bucket", "text/auditing"): "ci:CreateAuditingTextJob",
    ("ci", "GET", "job", "text/auditing"): "ci:DescribeAuditingTextJob",
    ("ci", "POST", "bucket", "audio/auditing"): "ci:CreateAuditingAudioJob",
    ("ci", "GET", "job", "audio/auditing"): "ci:DescribeAuditingAudioJob",
    ("ci", "POST", "bucket", "video/auditing"): "ci:CreateAuditingVideoJob",
    ("ci", "GET", "job", "video/auditing"): "ci:DescribeAuditingVideoJob",
    ("ci", "POST", "job", "video/cancel_auditing"): "ci:CancelAuditingVideoJob",
    ("ci", "POST", "bucket", "document/auditing"): "ci:CreateAuditingDocumentJob",
    ("ci", "GET", "job", "document/auditing"): "ci:DescribeAuditingDocumentJob",
    ("ci", "POST", "bucket", "webpage/auditing"): "ci:CreateAuditingHtmlJob",
    ("ci", "GET", "job", "webpage/auditing"): "ci:DescribeAuditingHtmlJob",
    ("ci", "POST", "bucket", "virus/detect"): "ci:CreateAuditingVirusJob",
    ("ci", "GET", "job", "virus/detect"): "ci:DescribeAuditingVirusJob",
    ("ci", "POST", "bucket", "report/badcase"): "ci:ReportBadcase",
    ("pic", "PUT", "bucket", ""): "ci:CreateCIBucket",
    ("pic", "GET", "bucket", ""): "ci:DescribeCIBucket",
    ("pic", "PUT", "bucket", "unbind"): "ci:DeleteCIBucket",
    ("pic", "PUT", "bucket", "hotlink"): "ci:SetRefer",
    ("pic", "GET", "bucket", "hotlink"): "ci:DescribeRefer",
    ("pic", "PUT", "bucket", "origin-protect"): "ci:SetOriginProtect",
    ("pic", "GET", "bucket", "origin-protect"): "ci:DescribeOriginProtect",
    ("pic", "DELETE", "bucket", "origin-protect"): "ci:DeleteOriginProtect",
    ("pic", "PUT", "bucket", "guetzli"): "ci:SetGuetzli",
    ("pic", "GET", "bucket", "guetzli"): "ci:DescribeGuetzli",
    ("pic", "DELETE", "bucket", "guetzli"): "ci:DeleteGuetzli",
    ("pic", "PUT", "bucket", "style"): "ci:CreateStyle",
    ("pic", "GET", "bucket", "style"): "ci:DescribeStyles",
    ("pic", "DELETE", "bucket", "style"): "ci:DeleteStyle",
}

# Listings are about the prefix that they ask for, not about the bucket as a whole.
LISTINGS = frozenset(("cos:GetBucket", "cos:GetBucketObjectVersions", "cos:ListMultipartUploads"))

# What the permissions of an ACL open. An object that has no ACL of its own has its bucket's.
# https://cloud.tencent.com/document/product/436/30752
BUCKET_PERMISSIONS = {
    **dict.fromkeys((*LISTINGS, "cos:HeadBucket"), "READ"),
    **dict.fromkeys(
        (
            "cos:PutObject", "cos:PostObject", "cos:AppendObject", "cos:DeleteObject",
            "cos:DeleteMultipleObjects", "cos:InitiateMultipartUpload", "cos:UploadPart",
            "cos:ListParts", "cos:CompleteMultipartUpload", "cos:AbortMultipartUpload",
        ),
        "WRITE",
    ),
    "cos:GetBucketACL": "READ_ACP",
    "cos:PutBucketACL": "WRITE_ACP",
}  # fmt: skip
OBJECT_PERMISSIONS = {
    "cos:GetObject": "READ",
    "cos:HeadObject": "READ",
    "cos:GetObjectACL": "READ_ACP",
    "cos:PutObjectACL": "WRITE_ACP",
}
