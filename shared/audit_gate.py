"""Gates: pipelines whose `pass` other pipelines wait for (`gate: true`).

`dispatch` sends an upload to its gates first and keeps it from everybody else. Whoever has written
the record of a gate calls `let_on`; if the records of all gates of the upload say `pass`,
`dispatch` gets the upload once more, with the gates' names and the ETag of what they judged.
"""

from __future__ import annotations

import json
from dataclasses import replace

from shared import events
from shared.audit_subject import look
from shared.audits import FINISHER, FUNCTION, NOTIFY
from shared.cos import Cos
from shared.events import Upload
from shared.pipelines import DISPATCH, Pipeline, load
from shared.records import record_key
from shared.scf import Scf, deployed_prefix
from shared.settings import Settings
from shared.verdicts import PASS


def let_on(upload: Upload, settings: Settings, cos: Cos, deadline: float) -> str:
    """Hand the upload to `dispatch` if all of its gates have let it pass, as it is now.

    The id of the invocation; empty if nobody waits or a gate has not let it pass. Raises
    `CloudError`.
    """
    wanted = load(settings.pipelines).match(upload)
    gates = [each for each in wanted if each.audit is not None and each.audit.gate]
    if not gates or all(each.audit is not None for each in wanted):
        return ""
    now = look(cos, upload.bucket, upload.key)
    if now is None or any(_judged(cos, upload, gate, now.etag) != now.etag for gate in gates):
        return ""
    passed = replace(upload, passed=tuple(gate.name for gate in gates), etag=now.etag)
    name = settings.function_name
    own = FINISHER if name.endswith(FINISHER) else FUNCTION
    scf = Scf(settings, upload.region, deployed_prefix(settings, own), deadline)
    return scf.invoke(DISPATCH, events.document(passed))


def passes(cos: Cos, upload: Upload, gate: Pipeline, etag: str) -> bool:
    """Whether the gate's last record lets this content pass, for whichever upload of the key."""
    return _judged(cos, upload, gate, etag, any_upload=True) == etag


def _judged(
    cos: Cos, upload: Upload, gate: Pipeline, etag: str, *, any_upload: bool = False
) -> str:
    """The ETag that the gate's record lets pass, of this upload or a later one of the content;
    empty for none."""
    found = cos.read_object(upload.bucket, record_key(gate, upload, etag))
    try:
        record = json.loads(found.body) if found else {}
        known, audit = record["upload"], record["audit"]
        same = (known["bucket"], known["key"]) == (upload.bucket, upload.key)
        # A person's decision has an id of its own, and the time of the upload that it is about.
        same = same and (any_upload or known["event_time"] >= upload.event_time)
        # A webhook that does not answer is no reason to hold what may pass.
        is_done = all(each["done"] for each in audit["actions"] if each["action"] != NOTIFY)
        is_pass = is_done and audit["verdict"]["result"] == PASS
        return str(audit["judged"]["etag"]) if same and is_pass else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
