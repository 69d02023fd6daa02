"""HTTP: CI says that a job has ended -> the function that waits for it asks CI itself.

CI signs nothing, so a callback is a hint and no more: the token in its path keeps strangers out,
and whoever finishes the work fetches the result from CI again. The answer is given before that: CI
need not wait for it, and learns the same whether the job is ours or not.
"""

from __future__ import annotations

import json
import time
from typing import Any

from callback_claims import OWN, events_of, is_claims_event, of_event, of_notice
from callback_door import RefusedError, let_in

from shared.cos import Cos
from shared.errors import CloudError, ConfigError
from shared.events import EventError
from shared.http_requests import answer, is_http
from shared.invocations import RetryableError, deadline_of, request_id_of
from shared.outcomes import FAILED, REJECTED, SKIPPED, SUBMITTED, error_document
from shared.scf import Scf, deployed_prefix
from shared.settings import Settings, SettingsError

_SECONDS = 8.0  # that an answer may take; CI does not say how long it waits
# Seconds between looks for a job that is not known: it may end before it is written down.
_PAUSES = (0.2, 0.4, 0.8)


def main_handler(event: object, context: object) -> dict[str, Any]:
    """SCF's entry point, for HTTP events of both triggers and for `{"Claims": [...]}`.

    HTTP events are answered with 200, or 503 when CI should come again; that never raises. Claims
    are finished, and `RetryableError` is raised when SCF should come again with them.
    """
    entry = {"function": OWN, "invocation": request_id_of(context)}
    if is_http(event):
        return _answer(event, deadline_of(context), entry)
    try:
        settings = Settings.load()
        if not is_claims_event(event):
            raise EventError("the event is neither of an HTTP trigger nor has it Claims")
        claims = of_event(event, settings)
    except SettingsError as error:
        _log(entry, FAILED, problems=list(error.problems))
        raise RetryableError(f"SettingsError: {error}") from None
    except EventError as error:
        return {"outcomes": [_log(entry, REJECTED, reason=str(error))]}
    return _finish(claims, settings, deadline_of(context), entry)


def _finish(
    claims: list[tuple[str, str]], settings: Settings, deadline: float, entry: dict[str, Any]
) -> dict[str, Any]:
    # What answers CI needs none of it.
    from shared.audit_finish import finish

    outcomes, again = [], []
    try:
        for bucket, key in claims:
            ending = finish(bucket, key, settings, entry["invocation"], deadline)
            outcomes.append(ending.entry)
            print(json.dumps(ending.entry), flush=True)
            if ending.again:
                again.append(key)
    except ConfigError as error:
        _log(entry, FAILED, problems=list(error.problems))
        raise RetryableError(f"ConfigError: {error}") from None
    if again:
        raise RetryableError("to be tried again: " + ", ".join(again))
    return {"outcomes": outcomes}


def _answer(event: object, deadline: float, entry: dict[str, Any]) -> dict[str, Any]:
    try:
        settings = Settings.load()
        prefix = deployed_prefix(settings, OWN)
    except SettingsError as error:
        _log(entry, FAILED, problems=list(error.problems))
        return answer(503, {"code": "NotConfigured"})
    try:
        notice = let_in(event, settings)
    except RefusedError as refused:
        _log(entry, REJECTED, reason=str(refused), status=refused.answer["statusCode"])
        return refused.answer
    deadline = min(deadline, time.monotonic() + _SECONDS)
    cos = Cos(settings, settings.region, deadline)
    try:
        found, is_unknown = of_notice(notice, settings, cos)
        for pause in _PAUSES if is_unknown else ():
            time.sleep(pause)
            found, is_unknown = of_notice(notice, settings, cos)
            if not is_unknown:
                break
        scf = Scf(settings, settings.region, prefix, deadline)
        invoked = [scf.invoke(finisher, event) for finisher, event in events_of(found).items()]
    except CloudError as error:
        if error.code != "InvalidState":
            _log(entry, FAILED, error=error_document(error))
            return answer(503, {"code": "TryAgain"})
        # The state itself is damaged, which no repetition mends: `sweep` says so each time.
        found, invoked = [], []
        _log(entry, FAILED, error=error_document(error))
    else:
        # No id of a job that is not ours: anybody could fill the log.
        claims = [waiting.key for waiting in found]
        _log(entry, SUBMITTED if found else SKIPPED, claims=claims, invoked=invoked)
    return answer(200, {"code": "Success"})


def _log(entry: dict[str, Any], outcome: str, **facts: Any) -> dict[str, Any]:
    """Print one structured line; hands it on. It never holds the path, which has the token."""
    told = {**entry, "outcome": outcome, **facts}
    print(json.dumps(told), flush=True)
    return told
