"""SCF's part of API 3.0 (version 2018-04-16): what `scf.tencentcloudapi.com` answers.

https://cloud.tencent.com/document/api/583/17234
"""

from localcloud.scf.api import functions, invoke

ACTIONS = {**invoke.ACTIONS, **functions.ACTIONS}

__all__ = ["ACTIONS"]
