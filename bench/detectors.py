"""What the local audits find: shares, not ratios, for there is no peer. Everything is made here.

    .venv/bin/python bench/detectors.py [--part text|ocr|codes|speed]

text: every preset term in every disguise, and hits in text that is ordinary: Python's own manual,
and the words of OpenCC's dictionary. ocr: character error rate without spaces, of sentences and of
random characters of GB 2312, half of which are rare. codes: QR codes on a photo. speed: ms for one
piece of content.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import pydoc_data.topics
import random
import statistics
import subprocess
import tempfile
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zxingcpp
from photos import SAMPLE
from PIL import Image, ImageDraw, ImageFilter

from localcloud.detectors.documents import judge_document
from localcloud.detectors.media import ffmpeg, video
from localcloud.detectors.picture import codes, judge_image, ocr
from localcloud.detectors.policy import DEFAULT, Snapshots
from localcloud.detectors.text import judge_text, lexicon, matcher_of
from localcloud.imaging import fonts

CHANCE = random.Random(11)  # noqa: S311 - the same samples each time
LEET = str.maketrans("oieast", "013457")
CYRILLIC = str.maketrans("aeocpxy", "аеосрху")
SENTENCES = (
    "今天天气很好，我们一起去公园散步。",
    "请在三个工作日内完成订单的付款。",
    "上传的图片会在几秒钟内处理完毕。",
    "本店全场八折，欢迎新老顾客光临！",
    "Functions run when a file is uploaded.",
    "The quick brown fox jumps over 13 lazy dogs.",
    "订单号 20261121，金额 128.50 元",
    "Add a watermark, then convert to WebP.",
)


def is_latin(term: str) -> bool:
    return term.isascii()


def digits(term: str, most: int) -> str:
    places = [place for place, letter in enumerate(term) if letter in "oieast"][:most]
    return "".join(c.translate(LEET) if n in places else c for n, c in enumerate(term))


def dictionary(name: str) -> list[list[str]]:
    package = importlib.util.find_spec("opencc")
    [folder] = package.submodule_search_locations
    rows = Path(folder, "dictionary", name).read_text("utf-8").splitlines()
    return [row.split("\t") for row in rows]


def traditional(term: str) -> str:
    forms = {simple: forms.split()[0] for simple, forms in dictionary("STCharacters.txt")}
    return "".join(forms.get(c, c) for c in term)


DISGUISES: dict[str, tuple[Callable[[str], bool], Callable[[str], str]]] = {
    "as it is": (lambda _: True, str),
    "upper case": (is_latin, str.upper),
    "full width": (is_latin, lambda t: "".join(chr(ord(c) + 0xFEE0) if c > " " else c for c in t)),
    "mathematical letters": (
        is_latin,
        lambda t: "".join(chr(0x1D41A + ord(c) - 97) if c.isalpha() else c for c in t),
    ),
    "accents": (is_latin, lambda t: unicodedata.normalize("NFC", "\u0301".join(t))),
    "Cyrillic look-alikes": (is_latin, lambda t: t.translate(CYRILLIC)),
    "one digit for a letter": (is_latin, lambda t: digits(t, 1)),
    "all digits for letters": (is_latin, lambda t: digits(t, 99)),
    "stretched": (lambda t: is_latin(t) and t[1] not in "wxzil", lambda t: t[0] + t[1] * 4 + t[2:]),
    "points between": (lambda _: True, ".".join),
    "spaces between": (lambda _: True, lambda t: " ".join(t.replace(" ", ""))),
    "stars between": (lambda _: True, "*".join),
    "emoji between": (lambda _: True, "😀".join),
    "zero width between": (lambda _: True, "\u200b".join),
    "traditional": (lambda t: not is_latin(t), traditional),
    "full stops between": (lambda t: not is_latin(t), "。".join),
    "masked with a star": (is_latin, lambda t: t[:1] + "*" + t[2:]),
    "pinyin": (lambda t: t == "色情", lambda _: "seqing"),
    "letter swapped": (is_latin, lambda t: t[0] + t[2] + t[1] + t[3:]),
}


def text() -> None:
    terms = [term for path in lexicon.preset_files() for term in lexicon.read(path) if term.scene]
    found = matcher_of(DEFAULT).find
    print(f"lexicon: {len(terms)} preset terms, each in a sentence")
    for name, (fits, disguise) in DISGUISES.items():
        chosen = [term for term in terms if fits(term.text)]
        hits = sum(
            any(match.term.text == term.text for match in found(f"看 {disguise(term.text)} 吧"))
            for term in chosen
        )
        print(f"  {name:24} {hits:4} of {len(chosen):4}  {hits / len(chosen):7.1%}")
    manual = "\n".join(pydoc_data.topics.topics.values())
    words = [row[0] for row in dictionary("STPhrases.txt")]
    for name, pieces in (("Python's manual", [manual]), ("OpenCC's words", words)):
        hits = [match.term.text for piece in pieces for match in found(piece)]
        size = sum(map(len, pieces))
        print(f"  hits in {name}: {len(hits)} in {size} characters {sorted(set(hits))[:12]}")


def page(lines: list[str], ground: Image.Image | None = None) -> Image.Image:
    image = (ground or Image.new("RGB", (1000, 560), "white")).copy()
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        fill, edge = ("white", 3) if ground else ((20, 20, 20), 0)
        font = fonts.find(line, 32)
        draw.text(
            (40, 40 + row * 90), line, font=font, fill=fill, stroke_width=edge, stroke_fill="black"
        )
    return image


def hard(image: Image.Image) -> Image.Image:
    turned = image.rotate(3, resample=Image.Resampling.BICUBIC, fillcolor="white")
    small = turned.resize((700, 392), Image.Resampling.LANCZOS).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    file = io.BytesIO()
    small.save(file, "JPEG", quality=55)
    return Image.open(file).convert("RGB")


def distance(one: str, two: str) -> int:
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def plain(line: str) -> str:
    return "".join(unicodedata.normalize("NFKC", line).split())


def read() -> None:
    common = [row[0] for row in dictionary("STCharacters.txt")]
    pool = [c for c in common if len(c.encode("gb2312", "ignore")) == 2]
    photo = Image.open(SAMPLE).convert("RGB").resize((1000, 560))
    kinds: dict[str, Callable[[list[str]], Image.Image]] = {
        "clean": page,
        "3 degrees, blurred, 700 px, quality 55": lambda lines: hard(page(lines)),
        "on a photo": lambda lines: page(lines, photo),
        "upside down": lambda lines: page(lines).rotate(180),
    }
    print("OCR: character error rate, 20 pages of 5 lines each; seconds a page")
    pages = [
        [
            *CHANCE.sample(SENTENCES, 3),
            "".join(CHANCE.sample(pool, 18)),
            "".join(CHANCE.sample(pool, 18)),
        ]
        for _ in range(20)
    ]
    for name, make in kinds.items():
        wrong, total = [0, 0], [0, 0]
        times = []
        for lines in pages:
            pixels = np.asarray(make(lines))
            start = time.perf_counter()
            seen = [plain(line.text) for line in ocr.read(pixels).lines]
            times.append(time.perf_counter() - start)
            for line in lines:
                best = min((distance(plain(line), other) for other in seen), default=len(line))
                sort = line not in SENTENCES
                wrong[sort] += min(best, len(plain(line)))
                total[sort] += len(plain(line))
        sentences, rare = (wrong[sort] / total[sort] for sort in (0, 1))
        print(
            f"  {name:40} {sentences:.4f} of {total[0]} in sentences, {rare:.4f} of {total[1]} at "
            f"random, {statistics.median(times):.2f} s"
        )


def scan() -> None:
    photo = Image.open(SAMPLE).convert("RGB").resize((1280, 960))
    print("QR codes: 20 of each kind on a photo of 1280x960, 110-260 px")
    for name, turn, blur in (
        ("upright", 0, 0),
        ("turned", 35, 0),
        ("turned, blurred, quality 35", 35, 1),
    ):
        hits = 0
        for number in range(20):
            words = f"https://example.com/p/{number}?优惠={CHANCE.randrange(10**8)}"
            pixels = zxingcpp.write_barcode_to_image(
                zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.QRCode), scale=6
            )
            side = CHANCE.randint(110, 260)
            code = Image.fromarray(np.asarray(pixels)).convert("RGBA").resize((side, side))
            code = code.rotate(
                CHANCE.uniform(-turn, turn), expand=True, resample=Image.Resampling.BICUBIC
            )
            image = photo.copy()
            image.paste(code, (CHANCE.randint(0, 900), CHANCE.randint(0, 600)), code)
            if blur:
                file = io.BytesIO()
                image.filter(ImageFilter.GaussianBlur(blur)).save(file, "JPEG", quality=35)
                image = Image.open(file)
            hits += any(found.text == words for found in codes.read(np.asarray(image)))
        print(f"  {name:28} {hits} of 20")


def speed() -> None:
    photo = Image.open(SAMPLE).convert("RGB").resize((1920, 1080))
    files: dict[str, bytes] = {}
    for name, image in (
        ("photo 2 MP, no text", photo),
        ("page of 5 lines", page(list(SENTENCES[:5]))),
    ):
        made = io.BytesIO()
        image.save(made, "JPEG")
        files[name] = made.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        document, film = Path(folder, "a.pdf"), Path(folder, "a.mp4")
        page(list(SENTENCES[:5])).save(document)
        source = "testsrc2=size=1280x720:rate=25:duration=60"
        command = [ffmpeg.program(), "-v", "error", "-f", "lavfi", "-i", source, str(film)]
        subprocess.run(command, check=True)
        works: dict[str, Callable[[], object]] = {
            name: lambda data=data: judge_image(data) for name, data in files.items()
        }
        works["text of 10,000 characters"] = lambda: judge_text("今天天气很好，我们去散步。" * 769)
        works["scanned page of a PDF"] = lambda: list(judge_document(document))
        works["one snapshot of a film, 720p"] = lambda: video._snapshot(film, 31.3)
        works["its 10 snapshots, judged"] = lambda: list(
            video.judge_video(film, Snapshots(count=10))
        )
        print("speed: ms, median and range of 5, engines loaded")
        for name, work in works.items():
            work()
            times = []
            for _ in range(5):
                start = time.perf_counter()
                work()
                times.append(1000 * (time.perf_counter() - start))
            print(f"  {name:30} {statistics.median(times):8.1f}  {min(times):.1f}-{max(times):.1f}")


PARTS = {"text": text, "ocr": read, "codes": scan, "speed": speed}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS)
    chosen = parser.parse_args().part
    for name, part in PARTS.items():
        if chosen in (None, name):
            part()


if __name__ == "__main__":
    main()
