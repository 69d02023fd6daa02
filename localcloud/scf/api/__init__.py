"""SCF's part of API 3.0 (version 2018-04-16): what `scf.tencentcloudapi.com` answers.

https://cloud.tencent.com/document/api/583/17234
"""

from localcloud.scf.api import async_events, concurrency, functions, invoke, logs

ACTIONS = {
    **invoke.ACTIONS,
    **functions.ACTIONS,
    **logs.ACTIONS,
    **async_events.ACTIONS,
    **concurrency.ACTIONS,
}

__all__ = ["ACTIONS"]
