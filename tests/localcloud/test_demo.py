"""`localcloud demo`, run for real: serve, upload, trigger, function, record, table, page."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from rich.console import Console

from localcloud.demo import page, samples, table
from localcloud.demo.result import Output, Result
from localcloud.demo.samples import Sample
from localcloud.imaging import fonts
from shared import pipelines

ROOT = Path(__file__).parents[2]
OBJECTS = ROOT / "events" / "objects"
SAMPLES = samples.load(OBJECTS)
GOOD = [sample for sample in SAMPLES if not sample.broken]
BROKEN = [sample for sample in SAMPLES if sample.broken]
(PHOTOS,) = pipelines.load(ROOT / "pipelines.yml").entries
RED = b"\xff\xd8\xff"


def demo(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What a user types, with a narrow window that the output does not go to."""
    return subprocess.run(
        [sys.executable, "-m", "localcloud", "demo", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "40", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@dataclass
class Page(HTMLParser):
    """What a browser would find: the pictures in order, the words, the names of all elements."""

    pictures: list[tuple[str, str]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    words: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            found = dict(attrs)
            self.pictures.append((found["alt"] or "", found["src"] or ""))

    def handle_data(self, data: str) -> None:
        self.words += data

    @classmethod
    def read(cls, text: str) -> Page:
        page = cls()
        page.feed(text)
        return page


def picture(source: str) -> Image.Image:
    """The decoded picture of a `data:` URI, which must say its true format."""
    kind, _, data = source.removeprefix("data:image/").partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert image.format.lower() == kind
    return image


@dataclass(frozen=True)
class Run:
    process: subprocess.CompletedProcess[str]
    page: Page
    html: str


@pytest.fixture(scope="module")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Run]:
    """Runs the demo on one data folder: every call after the first finds the earlier outputs."""
    folder = tmp_path_factory.mktemp("demo")

    def run() -> Run:
        process = demo("--data", folder / "data", "--out", folder / "out")
        html = (folder / "out" / "index.html").read_text("utf-8")
        return Run(process, Page.read(html), html)

    return run


@pytest.fixture(scope="module")
def first(run_demo: Callable[[], Run]) -> Run:
    return run_demo()


def rows(text: str) -> list[list[str]]:
    """The table's cells; a row of one cell is a key or a sentence. The line under the heading is
    no row: its length follows the milliseconds."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" ─")]
    return [re.split(r"\s{2,}", line) for line in lines]


def keys(sample: Sample) -> list[str]:
    folder = f"processed/{sample.path.name}"
    ext = sample.path.suffix.lstrip(".")
    return [
        output.fileid.text.replace("/processed/{subdir}/{name}", folder).replace(
            "{ext}", "webp" if output.auto else ext
        )
        for output in PHOTOS.outputs
    ]


def test_every_upload_is_in_the_table_with_its_outputs_and_its_record(first: Run) -> None:
    assert first.process.returncode == 0, first.process.stderr
    found = {row[0]: row[1:] for row in rows(first.process.stdout)}
    for sample in GOOD:
        pipeline, outcome, kind, size, count, milliseconds = found[sample.key]
        with Image.open(sample.path) as image:
            assert (pipeline, outcome) == ("photos", "done")
            assert kind == image.format.lower()
            assert size == f"{image.width} x {image.height}"
        assert count == f"{sample.path.stat().st_size:,}"
        assert int(milliseconds) > 0
        for key in keys(sample):
            kind, size, count = found[key]
            assert re.fullmatch(r"[1-9]\d* x [1-9]\d*", size)
            assert int(count.replace(",", "")) > 100
        assert f"processed/{sample.path.name}/record.json" in found


def test_a_broken_file_has_a_clear_outcome_and_no_trace(first: Run) -> None:
    found = {row[0]: row[1:] for row in rows(first.process.stdout)}
    for sample in BROKEN:
        assert found[sample.key][:2] == ["photos", "rejected"]
        assert f"processed/{sample.path.name}/record.json" in found
    # The service's code, then its words.
    assert len([key for key in found if re.match(r"[A-Z]\w+: \w", key)]) >= len(BROKEN) - 1
    assert "Traceback" not in first.process.stdout + first.process.stderr


def test_without_a_terminal_the_output_is_plain_and_nothing_is_cut(first: Run) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]|\u2026", first.process.stdout)
    for sample in GOOD:
        for key in [sample.key, *keys(sample)]:
            assert re.search(rf"^ +{re.escape(key)} ", first.process.stdout, re.MULTILINE), key


def test_the_page_shows_each_original_beside_its_variants(first: Run) -> None:
    shown: dict[str, list[Image.Image]] = {}
    for alt, source in first.page.pictures:
        name, _, key = alt.partition(" of ")
        assert name
        shown.setdefault(key, []).append(picture(source))
    for sample in GOOD:
        original, *variants = shown[sample.key]
        with Image.open(sample.path) as image:
            assert original.size == image.size
        assert len(variants) == len(PHOTOS.outputs)
        assert max(variants[0].size) <= 320
        assert variants[1].size == (200, 200)
        for variant in variants:
            variant.load()
            assert f"{variant.width} x {variant.height}" in first.page.words
        for text in [*keys(sample), sample.key, *(output.rule for output in PHOTOS.outputs)]:
            assert text in first.page.words


def test_the_portrait_stands_upright_in_every_variant(first: Run) -> None:
    sources = [
        src for alt, src in first.page.pictures if "astronaut" in alt and "original" not in alt
    ]
    for source in sources:
        image = picture(source)
        assert image.getexif().get(0x0112, 1) == 1
        assert image.height >= image.width


def test_the_animation_keeps_its_frames(first: Run) -> None:
    (thumb,) = [
        src for alt, src in first.page.pictures if alt.startswith("thumb of uploads/hubble")
    ]
    assert picture(thumb).n_frames == 10


def test_the_clear_corner_stays_clear(first: Run) -> None:
    (thumb,) = [
        src for alt, src in first.page.pictures if alt.startswith("thumb of uploads/coffee")
    ]
    assert picture(thumb).convert("RGBA").getpixel((0, 0))[3] == 0


def test_the_page_needs_nothing_but_itself(first: Run) -> None:
    assert not first.page.tags & {"script", "link", "iframe", "object", "embed", "base"}
    assert all(alt and src.startswith("data:image/") for alt, src in first.page.pictures)
    assert not re.search(r"(src|href|srcset|action)=\"(?!data:)|url\(|@import", first.html)
    assert "prefers-color-scheme: dark" in first.html


def test_a_second_run_gives_the_same(first: Run, run_demo: Callable[[], Run]) -> None:
    second = run_demo()
    assert second.process.returncode == 0, second.process.stderr

    def without_times(text: str) -> list[list[str]]:
        found = rows(text)
        return [row[:-1] if row[0].startswith("uploads/") else row for row in found[:-1]]

    assert without_times(second.process.stdout) == without_times(first.process.stdout)
    assert second.page.pictures == first.page.pictures


def test_what_ends_otherwise_than_expected_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(GOOD[0].path, tmp_path / "in" / "broken-but-good.jpg")
    shutil.copy(BROKEN[0].path, tmp_path / "in" / "good-but-broken.jpg")
    process = demo("--samples", tmp_path / "in", "--out", tmp_path / "out")
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert "uploads/broken-but-good.jpg: done, not rejected" in last
    assert "uploads/good-but-broken.jpg: rejected, not done" in last
    assert "uploads/broken-but-good.jpg" in process.stdout


def test_audits_show_their_verdict_and_what_they_hold(tmp_path: Path) -> None:
    """A gate whose policy lets one picture pass: that one has its variants, the other none."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("functions", "shared", "serverless.yml"):
        (project / name).symlink_to(ROOT / name)
    gate = "  check:\n    when: {prefix: uploads/}\n    audit: {gate: true, scenes: [Ads]}\n"
    (project / "pipelines.yml").write_text((ROOT / "pipelines.yml").read_text("utf-8") + gate)
    chosen = tmp_path / "samples"
    chosen.mkdir()
    shutil.copy(OBJECTS / "rocket-on-pad.jpg", chosen / "good.jpg")
    advert = Image.new("RGB", (420, 120), "white")
    ImageDraw.Draw(advert).text((20, 40), "free gift card", font=fonts.find("a", 40), fill="black")
    advert.save(chosen / "advert.jpg")
    done = demo("--project", project, "--samples", chosen, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = {tuple(line.split()[:3]) for line in done.stdout.splitlines() if "uploads/" in line}
    assert {row for row in rows if len(row) == 3} >= {
        ("uploads/advert.jpg", "photos", "held"), ("uploads/advert.jpg", "check", "block"),
        ("uploads/good.jpg", "photos", "done"), ("uploads/good.jpg", "check", "pass"),
    }  # fmt: skip
    assert "check: block: Ads" in done.stdout
    assert "check: block: Ads" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_when_nothing_arrives_the_log_is_shown(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(GOOD[0].path, tmp_path / "in" / "photo.jpg")
    arguments = ("--samples", tmp_path / "in", "--out", tmp_path / "out")
    process = demo(*arguments, "--deadline", "0.001")
    assert process.returncode == 1
    assert "nothing arrived before the deadline" in process.stdout
    assert "The local cloud's log ends with:" in process.stderr
    assert "no record, not done" in process.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--project", "/nowhere"], 2, "/nowhere holds no serverless.yml: use --project DIR"),
        (["--samples", "/nowhere"], 1, "/nowhere holds no pictures"),
        (["--deadline", "0"], 2, "--deadline is 0: seconds above 0 are expected"),
    ],
)
def test_what_cannot_be_run_is_one_line(arguments: list[str], code: int, message: str) -> None:
    process = demo(*arguments)
    assert process.returncode == code
    assert process.stderr.startswith(f"localcloud: {message}")
    assert process.stderr.count("\n") == 1


def hostile(tmp_path: Path) -> Result:
    name = "<img src=x onerror=alert(1)>&\"'.jpg"
    path = tmp_path / "photo.jpg"
    path.write_bytes(RED + b"no more")
    facts = {
        "name": "<b>thumb</b>",
        "key": f"processed/{name}",
        "rule": "imageMogr2/<script>",
        "format": "<i>",
        "width": 1,
        "height": 1,
    }
    record = {
        "outcome": "</span><script>",
        "milliseconds": 1,
        "original": None,
        "error": {"code": "<u>", "message": "</pre><script>", "advice": "<script>"},
    }
    key = f"processed/{name}.json"
    output = Output(facts, RED)
    return Result(Sample(path, f"uploads/{name}"), "<p2>", key, record, (output,))


def test_names_from_outside_are_only_text_on_the_page(tmp_path: Path) -> None:
    found = Page.read(page.render([hostile(tmp_path)]))
    assert not found.tags & {"script", "b", "i", "u", "p2"}
    assert len(found.pictures) == 2
    assert all(src.startswith("data:image/jpeg;base64,") for _, src in found.pictures)
    assert found.pictures[0][0] == "original of " + hostile(tmp_path).sample.key


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_a_narrow_terminal_folds_keys_and_never_cuts_them(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    sample = Sample(GOOD[0].path, "uploads/" + "0" * 120 + ".jpg")
    terminal = Terminal()
    result = Result(sample, "photos", "processed/" + "1" * 120, None)
    table.console(terminal).print(table.build([result]))
    text = terminal.getvalue().replace(f"{sample.path.stat().st_size:,}", "")
    assert "\u2026" not in text
    assert (text.count("0"), text.count("1")) == (120, 120)


def test_markup_in_a_name_is_shown_as_it_is(tmp_path: Path) -> None:
    sample = Sample(GOOD[0].path, "uploads/[red]a[/red].jpg")
    out = Console(file=io.StringIO(), width=200)
    out.print(table.build([Result(sample, "photos", "[bold]r", None)]))
    assert "uploads/[red]a[/red].jpg" in out.file.getvalue()
    assert "[bold]r" in out.file.getvalue()
