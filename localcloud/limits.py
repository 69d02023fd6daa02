"""How much the local cloud takes before it refuses. One place for all of them.

Sizes are in bytes, times in seconds. Those of the service are from
https://cloud.tencent.com/document/product/436/14518
"""

from __future__ import annotations

KIB, MIB, GIB = 1024, 1024**2, 1024**3

# The service's own.
MAX_OBJECT = 5 * GIB  # one PUT, or one part of a multipart upload
MIN_PART = 1 * MIB  # all parts but the last
MAX_PARTS = 10_000
MAX_KEY = 850
MAX_META = 2 * KIB  # x-cos-meta-*, names and values together
MAX_TAGS = 10
MAX_RESTORE_DAYS = 365
MAX_RETENTION_DAYS = 36_500
MAX_TAG_KEY = 127
MAX_TAG_VALUE = 255
MAX_LIST = 1000  # entries of one answer; keys of one multi-delete
MAX_POLICY = 20 * KIB  # of a bucket
MIN_TRAFFIC, MAX_TRAFFIC = 819_200, 838_860_800  # x-cos-traffic-limit, bit/s
MAX_BUCKETS = 10_000  # the service has 200; test suites that make one for each test need more

# Ours, so that no request takes the machine.
MAX_XML = 2 * MIB
MAX_AUDIT_BODY = 64 * MIB  # of a batch of pictures to audit, some in the body itself
MAX_API_BODY = 10 * MIB  # of a request to API 3.0, as there
MAX_FORM = 256 * KIB  # the fields of a form upload before its file
MAX_FORM_FIELDS = 100
MAX_FORM_HEAD = 8 * KIB  # the head of one part
MAX_CONTENT_HEADER = 4 * KIB  # Content-Disposition and its like, each
MAX_HEADER = 64 * KIB  # the request line, and each header: Pic-Operations can be long
MAX_HEADERS = 256
MAX_REQUESTS = 512  # handled at one time
MAX_IMAGE_QUEUE = 64  # image jobs that run or wait
MAX_JOB = 64 * KIB  # the body of a job's, queue's or template's request
MAX_BATCH_OBJECTS = 1_000_000  # that one batch job may find
MAX_BATCH_WAITING = 1000  # jobs of one batch that have not begun
MAX_QUEUE = 10_000  # jobs of one queue that have not begun, as in the manual's samples
MAX_JOBS = 1_000_000  # kept, those that have ended included
MAX_MANIFEST = 4 * MIB
MAX_LIST_LINE = 16 * KIB  # of an inventory or a list of URLs
MAX_AUDIT_QUEUE = 1000  # audits that run or wait
MAX_AUDIT_CONTENT = 256 * MIB  # that requests bring along, of all audits that run or wait
MAX_AUDITS = 20_000  # audits that are remembered; they go after a month, or the oldest first
BODY_CHUNK = 256 * KIB
MAX_SELECT_SECONDS = 60.0  # that one query may work
MAX_CONNECTIONS = 2048  # open; above it those without a request go, the oldest first
IDLE_BODY = 60.0  # that a client may take for the next BODY_PACE of a body
BODY_PACE = 16 * KIB
SLOW_READER = 60.0  # that a client may take for the next READ_PACE of an answer
READ_PACE = 2 * MIB
IDLE_CONNECTION = 75.0  # without a request, or with the beginning of one
STOP_SECONDS = 10.0  # for requests in flight when the cloud stops

# What is kept to be faster; `localcloud serve --no-cache` keeps nothing.
RESULTS = 32 * MIB  # finished results of downloads, in memory
MAX_RESULT = 4 * MIB  # a larger one is not kept
PROXIES = 256 * MIB  # mid-size renditions, as files in the data folder
MAX_PROXY = 16 * MIB  # a larger one is not made
BODIES = 1 * GIB  # files of what was read from an S3 store
MAX_SEEN = 4096  # pictures that were served once, and may be worth a rendition
