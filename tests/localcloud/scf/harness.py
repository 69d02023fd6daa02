"""A host inside of the test's process, with its clock in the test's hand."""

import asyncio
import json
import time

from localcloud.config import Config
from localcloud.scf import FunctionHost

# Notes each call in a file that the test reads, and does what the event says.
HANDLER = """\
import json, os, time

def main_handler(event, context):
    with open(os.environ["CALLS"], "a") as calls:
        note = [event, context["request_id"], os.getpid(), os.environ["TENCENTCLOUD_SECRETID"]]
        calls.write(json.dumps(note) + "\\n")
    do = event.get("do", "") if isinstance(event, dict) else ""
    if do == "wait":
        while not os.path.exists(event["for"]):
            time.sleep(0.005)
    if do == "fail":
        raise RuntimeError("as asked")
    if do == "exit":
        os._exit(3)
    return event
"""


class Harness:
    """A host of the project in `root`: its `calls` (event, request id, pid, key), its `log`."""

    def __init__(self, root, **options):
        self.root = root
        self.logged = []
        self.now = 1_800_000_000.0
        self.host = FunctionHost(
            root,
            "http://127.0.0.1:9",
            Config(data=root / "data"),
            self.logged.append,
            clock=lambda: self.now,
            **{"instances": 2, **options},
        )

    @property
    def calls(self):
        file = self.root / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def log(self):
        return "\n".join(self.logged)

    def accept(self, event, function="f"):
        return self.host.accept(self.host.project.functions[function], event)

    async def advance(self, seconds):
        """Move the clock on, and see to what is due then."""
        self.now += seconds
        self.host.look()

    async def until(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.005)

    async def quiet(self):
        """Nothing runs any more; what waits for a later try may go on waiting."""
        await self.until(lambda: not self.host.events._running)

    @property
    def messages(self):
        from localcloud.scf.kept import KeptInvocations

        return KeptInvocations(self.root / "data").messages()


def play(root, scenario, **options):
    """Run `async def scenario(harness)` on a started host."""
    harness = Harness(root, **options)

    async def main():
        await harness.host.start()
        try:
            await scenario(harness)
        finally:
            await harness.host.stop()
            harness.host.close()

    asyncio.run(main())
    return harness
