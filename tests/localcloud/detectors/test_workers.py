"""The judge of a server: everything runs in processes that can be ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.detectors import messages, open_judge
from localcloud.detectors.judgement import (
    MISSING,
    NORMAL,
    NOT_ELIGIBLE,
    SENSITIVE,
    SUSPECTED,
    TOO_LARGE,
    Finding,
    FoundObject,
    Hit,
    Judgement,
    Location,
    OcrText,
    UnjudgeableError,
    Virus,
    VirusReport,
    merged,
    no_engine,
)
from localcloud.detectors.picture import judge_image
from localcloud.detectors.policy import Policy, Snapshots
from localcloud.detectors.text import judge_text
from localcloud.detectors.worker import MEMORY
from localcloud.detectors.workers import Workers
from tests.localcloud.detectors import samples


def run(work, **choices):
    """Await `work(judge)` on a loop of its own, then close the judge."""

    async def whole():
        judge = Workers(**choices) if choices else open_judge()
        try:
            return await work(judge)
        finally:
            await judge.close()

    return asyncio.run(whole())


async def refused(awaitable):
    with pytest.raises(UnjudgeableError) as caught:
        await awaitable
    return caught.value.number


async def everything(stream):
    return [one async for one in stream]


def test_workers_judge_as_the_functions_do(tmp_path):
    picture = samples.encoded(samples.page("点击领取大奖"))
    lexicon = tmp_path / "own.txt"
    lexicon.write_text("[Ads Rival 95]\n甲公司\n", "utf-8")
    policy = Policy(lexicons=(lexicon,))
    file = tmp_path / "file.txt"
    file.write_text("买甲公司的货", "gbk")

    async def work(judge):
        image, text, texts, pages, web, viruses = await asyncio.gather(
            judge.image(picture, ("Ads", "Porn")),
            judge.text("出售海洛因 \ud800 p0rn"),
            everything(judge.text_file(file, ("Ads",), policy)),
            everything(judge.document(file, "txt", ("Ads",), policy)),
            everything(judge.webpage(b"<p>cocaine", ("Illegal",))),
            judge.viruses(file),
        )
        assert image == judge_image(picture, ("Ads", "Porn"))
        assert text == judge_text("出售海洛因 \ud800 p0rn")
        assert (text.label, text.result) == ("Porn", SENSITIVE)
        assert texts[0].worst.keywords == pages[0].worst.keywords == ("甲公司",)
        assert (pages[0].page, web[0].result) == (1, SENSITIVE)
        assert viruses == VirusReport(NORMAL, (), 1, "signatures")

    run(work)


def test_what_cannot_be_judged_is_said_with_cis_numbers_and_the_worker_goes_on(tmp_path):
    async def work(judge):
        await judge.text("x")
        first = judge._quick._process.pid
        assert await refused(judge.image(b"no picture")) == NOT_ELIGIBLE
        assert await refused(judge.image(tmp_path / "absent.png")) == MISSING
        lexicons = Policy(lexicons=(tmp_path / "absent.txt",))
        assert await refused(judge.text("x", ("Ads",), lexicons)) == NOT_ELIGIBLE
        assert (await judge.text("x")).result == NORMAL
        assert judge._quick._process.pid == first
        with pytest.raises(ValueError, match="scene 'Spam' is unknown"):
            await judge.text("x", ("Spam",))

    run(work)


def test_a_worker_that_dies_or_takes_too_long_costs_one_job(tmp_path):
    async def killed(judge):
        await judge.text("x")
        process = judge._quick._process
        os.kill(process.pid, signal.SIGSTOP)
        waiting = asyncio.ensure_future(judge.text("y"))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        assert await refused(waiting) == NOT_ELIGIBLE
        assert (await judge.text("cocaine")).result == SENSITIVE

    async def slow(judge):
        assert await refused(judge.text("x")) == TOO_LARGE
        assert judge._quick._process is None

    run(killed)
    run(slow, patience=0.001)


def test_a_caller_that_leaves_ends_the_work(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("x" * 500_000)

    async def work(judge):
        stream = judge.document(path, "txt", ("Ads",))
        async for page in stream:
            assert page.page == 1
            break
        process = judge._slow._process
        await stream.aclose()
        assert process.returncode == -signal.SIGKILL
        assert (await judge.viruses(path)).result == NORMAL

    run(work)


def test_an_idle_worker_ends():
    async def work(judge):
        await judge.text("x")
        process = judge._quick._process
        await asyncio.wait_for(process.wait(), 20)
        assert (await judge.text("cocaine")).result == SENSITIVE

    run(work, idle=0.01)


def test_a_job_that_comes_while_an_idle_worker_is_ending_is_judged():
    async def work(judge):
        await judge.text("x")
        lane = judge._quick
        lane._bedtime.cancel()
        lane._sleep()
        assert lane._process.returncode is None
        assert (await judge.text("cocaine")).result == SENSITIVE

    run(work)


def test_what_a_worker_has_started_ends_with_it(tmp_path):
    """The program in ffmpeg's place kills its parent, as a lack of memory may, and goes on."""
    program, note = tmp_path / "ffmpeg", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {note}\nkill -9 $PPID\nexec sleep 600\n")
    program.chmod(0o755)

    async def work(judge):
        film = tmp_path / "film.mp4"
        film.write_bytes(b"x")
        assert await refused(everything(judge.video(film))) == NOT_ELIGIBLE
        left = Path(f"/proc/{note.read_text().strip()}/cmdline")
        async with asyncio.timeout(20):
            # It is ended, but by whom it is buried, and when, is the system's business.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                while left.read_bytes():
                    await asyncio.sleep(0.01)

    before = os.environ.get("LOCALCLOUD_FFMPEG")
    os.environ["LOCALCLOUD_FFMPEG"] = str(program)
    try:
        run(work)
    finally:
        os.environ.pop("LOCALCLOUD_FFMPEG")
        if before:
            os.environ["LOCALCLOUD_FFMPEG"] = before


def test_a_worker_has_a_limit_on_its_memory():
    async def work(judge):
        await judge.text("x")
        limits = Path(f"/proc/{judge._quick._process.pid}/limits")
        if not limits.is_file():
            pytest.skip("this system does not tell a process' limits")
        [line] = [row for row in limits.read_text().splitlines() if "address space" in row]
        assert line.split()[3] == str(MEMORY)

    run(work)


def test_the_server_carries_no_engine():
    code = (
        "import asyncio, sys\n"
        "from localcloud.detectors import open_judge\n"
        "async def work():\n"
        "    judge = open_judge()\n"
        "    assert (await judge.text('cocaine')).result == 1\n"
        "    await judge.close()\n"
        "asyncio.run(work())\n"
        "heavy = {'numpy', 'PIL', 'cv2', 'onnxruntime', 'ahocorasick_rs', 'pypdfium2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_messages_keep_every_value():
    place = Location(1.5, 2, 3, 4, 90)
    finding = Finding("Ads", SUSPECTED, 85, "a", "b", ("k",), (Hit("k", 1, 2, "K", "own", False),),
                      (OcrText("t", ("k",), place, "l"), OcrText("u")),
                      (FoundObject("QRCode", place), FoundObject("x")), "e", "r")  # fmt: skip
    whole = Judgement((finding, no_engine("Porn")), "text", "page", 5, 6, 7, 8)
    assert messages.judgement(messages.plain(whole)) == whole
    report = VirusReport(SENSITIVE, (Virus("a/b", "N"),), 3, "e", "r")
    assert messages.virus_report(messages.plain(report)) == report
    policy = Policy((Path("/a"),), False, 1, 2, True, False, False, "none")
    assert messages.policy(messages.plain(policy)) == policy
    assert Snapshots(**messages.plain(Snapshots("Fps", 3, 0.5))) == Snapshots("Fps", 3, 0.5)


def test_merging_keeps_the_gravest_and_what_all_found():
    normal = Finding("Ads", engine="a")
    review = Finding("Ads", SUSPECTED, 70, keywords=("x",), engine="b")
    blocked = Finding("Ads", SENSITIVE, 95, "L", keywords=("x", "y"), engine="a")
    both = merged([normal, review, blocked])
    assert (both.result, both.score, both.label, both.keywords, both.engine) == (
        SENSITIVE,
        95,
        "L",
        ("x", "y"),
        "a+b",
    )
    # What no engine judged stays so, whatever another engine found harmless.
    left = merged([normal, no_engine("Ads", "why")])
    assert (left.result, left.engine, left.reason) == (SUSPECTED, "", "no local engine: why")
    with pytest.raises(ValueError, match="one scene"):
        merged([normal, no_engine("Porn")])
    assert Judgement(()).result == SUSPECTED
