"""What runs inside a function's own process: load the handler, then answer invocations.

Started as a script (`python -I -S -B worker.py FD CODE LAYER HANDLER BYTES`), so it may import
nothing but the standard library, and runs on the Python of the cloud (3.10). Requests and answers
are JSON lines on the socket FD; BYTES limits the address space; standard output and error belong to
the function's log.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Handler = Callable[[Any, Any], Any]


def main() -> None:
    descriptor, code, layer, handler_name, address_space = sys.argv[1:6]
    resource.setrlimit(resource.RLIMIT_AS, (int(address_space),) * 2)
    channel = socket.socket(fileno=int(descriptor))
    channel.set_inheritable(False)
    os.chdir(code)
    # The order of SCF's PYTHONPATH: the function's code, then its layers, then Python's own.
    sys.path[:0] = [code, layer]
    sys.argv[:] = [handler_name]
    with channel, channel.makefile("r", encoding="utf-8") as requests:
        handler, answer = load(handler_name)
        send(channel, answer)
        if handler is None:
            return
        for line in requests:
            send(channel, invoke(handler, json.loads(line)))


def load(name: str) -> tuple[Handler | None, dict[str, Any]]:
    """The handler `file.function`, and the first message: ready, or why not."""
    file, _, function = name.partition(".")
    try:
        handler = getattr(importlib.import_module(file), function, None)
    # The function's code is not ours: whatever it raises is its result.
    except Exception as error:  # noqa: BLE001
        missing = isinstance(error, ModuleNotFoundError) and error.name == file
        kind = "missing" if missing else "load"
        return None, {"error": {"kind": kind, **describe(error)}}
    if not callable(handler):
        message = f"{file}.py has no function {function}"
        return None, {"error": {"kind": "missing", "message": message, "trace": ""}}
    return handler, {"ready": True}


def invoke(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """Call the handler once; its result, or the error that it raised."""
    os.environ.update(request["environment"])
    forget_peak()
    try:
        text = json.dumps(handler(request["event"], request["context"]))
    except Exception as error:  # noqa: BLE001 - see load()
        kind = "memory" if isinstance(error, MemoryError) else "raised"
        return {"error": {"kind": kind, **describe(error)}, "peak": peak()}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return {"result": text, "peak": peak()}


def describe(error: BaseException) -> dict[str, str]:
    """Message and stack trace, without the frames of this file and of the import machinery."""
    report = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = report
    while part is not None:
        kept = [frame for frame in part.stack if not is_ours(frame.filename)]
        part.stack = traceback.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    return {"message": f"{type(error).__name__}: {error}", "trace": "".join(report.format())}


def is_ours(file: str) -> bool:
    return file == __file__ or file.startswith("<frozen importlib") or "/importlib/" in file


def forget_peak() -> None:
    """Start measuring the peak of resident memory anew (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """Bytes of resident memory at the peak of this invocation, 0 where it cannot be known."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
