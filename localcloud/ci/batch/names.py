"""`${...}` in the name of a batch job's output.

`${InventoryTriggerJobId}` stands in the batch pages (CI manual 004:91709), the others in the table
of workflows (004:28795); the service takes them in both places. Case does not count: the manual
itself writes `${Ext}` and `${ext}`.
"""

from __future__ import annotations

import re

from localcloud.ci.job_errors import refusal

_PLACE = re.compile(r"\$\{([^{}]*)\}")
_NAMES = ("InventoryTriggerJobId", "InputPath", "InputName", "InputNameAndExt", "Ext", "JobId")
_KNOWN = frozenset(name.lower() for name in _NAMES)


def check(where: str, pattern: str) -> None:
    """Raises `ServiceError` InvalidArgument for a name that is not known or a bad `pattern`."""
    for found in _PLACE.finditer(pattern):
        if found[1].lower() not in _KNOWN:
            raise refusal(
                "InvalidArgument",
                f"{where} has {found[0][:50]!r}: allowed are "
                f"{', '.join(f'${{{name}}}' for name in _NAMES)}",
            )
    if not pattern.strip("/") or pattern.endswith("/"):
        raise refusal(
            "InvalidArgument", f"{where} is {pattern[:100]!r}: it must name a file, not a folder"
        )


def expand(pattern: str, *, batch: str, job: str, key: str, extension: str) -> str:
    """The output's key for the input `key`; `extension` is that of the result, without a dot.

    `${InputPath}` has no slash at its end. It is empty for a key without folders, so a slash at the
    front of the whole, which would begin no usual key, goes.

    >>> expand("o/${InputPath}/${InputName}.${Ext}", batch="b1", job="c1", key="a/b.png",
    ...        extension="jpg")
    'o/a/b.jpg'
    """
    path, _, name = key.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    values = {
        "inventorytriggerjobid": batch,
        "inputpath": path,
        "inputname": stem if dot else name,
        "inputnameandext": name,
        "ext": extension,
        "jobid": job,
    }
    return _PLACE.sub(lambda found: values[found[1].lower()], pattern).removeprefix("/")
