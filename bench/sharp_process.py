"""sharp in a long-lived Node process, so that its start and HTTP are outside of the times."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import servers


class Sharp:
    """Runs one operation at a time, by a line of JSON over a pipe."""

    def __enter__(self) -> Sharp:
        home = servers.sharp_home()
        self._folder = tempfile.TemporaryDirectory(prefix="sharp-bench-")
        self._result = Path(self._folder.name, "result")
        self._process = subprocess.Popen(
            ["node", str(home / "operations.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()
        self._folder.cleanup()

    def run(self, request: dict[str, object]) -> tuple[float, bytes]:
        """Milliseconds and the result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**request, "result": str(self._result)}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("sharp failed: what Node said is above")
        return float(json.loads(line)["ms"]), self._result.read_bytes()
