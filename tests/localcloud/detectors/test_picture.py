"""Text and codes in pictures decide; what a picture shows is for review."""

import io
import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter

from localcloud.detectors.judgement import (
    BROKEN,
    NO_ENGINE,
    NORMAL,
    NOT_ELIGIBLE,
    SENSITIVE,
    SUSPECTED,
    TOO_LARGE,
    UnjudgeableError,
)
from localcloud.detectors.picture import codes, judge_image, judge_pixels, nsfwjs, nudity, ocr
from localcloud.detectors.picture.frames import frames, pieces
from localcloud.detectors.policy import DEFAULT, Policy
from localcloud.imaging import fonts
from tests.localcloud.detectors import samples


def refusal(data, **choices):
    with pytest.raises(UnjudgeableError) as caught:
        judge_image(data, **choices)
    return caught.value.number, caught.value.message


def test_a_term_in_a_picture_is_found_with_its_place():
    judgement = judge_image(
        samples.encoded(samples.page("hello", "点击领取大奖")), ("Ads", "Abuse")
    )
    ads, abuse = judgement.findings
    assert (ads.result, ads.label, ads.category) == (SENSITIVE, "Spam", "OCR")
    assert ads.keywords == ("点击领取大奖",)
    [line] = ads.ocr
    assert (line.text, line.keywords, line.label) == ("点击领取大奖", ("点击领取大奖",), "Spam")
    box = line.location
    assert abs(box.x - 30) < 12
    assert abs(box.y - 105) < 12
    assert abs(box.width - 192) < 24
    assert box.rotate < 3 or box.rotate > 357
    assert (abuse.result, abuse.engine) == (NORMAL, "PP-OCRv6+lexicon")
    assert judgement.text.splitlines() == ["hello", "点击领取大奖"]


def test_a_term_that_is_broken_into_two_lines_is_one():
    picture = samples.page("点击领取", "大奖", size=(400, 180))
    assert judge_image(samples.encoded(picture), ("Ads",)).findings[0].keywords == ("点击领取大奖",)


@pytest.mark.parametrize(
    ("turn", "least"),
    [(lambda image: image.rotate(5, expand=True, fillcolor="white"), 2),
     (lambda image: image.rotate(90, expand=True), 1),
     (lambda image: image.rotate(180), 1),
     (lambda image: image.filter(ImageFilter.GaussianBlur(1.2)), 2)],
)  # fmt: skip
def test_turned_and_blurred_text_is_read(turn, least):
    lines = ["代开发票 加微信", "赌博网站 点击领取大奖"]
    pixels = np.asarray(turn(samples.page(*lines)))
    read = [line.text.replace(" ", "") for line in ocr.read(pixels).lines]
    assert len({line.replace(" ", "") for line in lines} & set(read)) >= least


def test_what_a_picture_shows_is_for_review():
    judgement = judge_image(samples.encoded(Image.new("RGB", (300, 300), "tan")))
    left = [f for f in judgement.findings if f.scene not in ("Ads", "Abuse")]
    assert [f.scene for f in left] == ["Porn", "Terrorism", "Politics", "Illegal", "Teenager"]
    for finding in left:
        assert (finding.result, finding.engine) == (SUSPECTED, "")
        assert finding.reason.startswith(NO_ENGINE)
        assert 61 <= finding.score <= 90
    assert judgement.result == SUSPECTED
    assert {f.result for f in judgement.findings if f not in left} == {NORMAL}


def test_a_term_decides_a_scene_that_has_no_engine():
    [finding] = judge_image(samples.encoded(samples.page("赌博网站")), ("Illegal",)).findings
    assert (finding.result, finding.engine, finding.reason) == (SENSITIVE, "PP-OCRv6+lexicon", "")


def test_a_qr_code_is_suspected_and_what_it_says_is_judged():
    ground = Image.new("RGB", (640, 480), (90, 140, 90))
    ground.paste(samples.qr("https://example.com/赌博网站").rotate(0), (200, 120))
    ads, illegal = judge_image(samples.encoded(ground), ("Ads", "Illegal")).findings
    assert (ads.result, ads.category, ads.label) == (SUSPECTED, "QRCode", "QRCode")
    [seen] = ads.objects
    assert seen.name == "QRCode"
    assert 200 <= seen.location.x < seen.location.x + seen.location.width <= 440
    assert (illegal.result, illegal.keywords, illegal.category) == (
        SENSITIVE,
        ("赌博网站",),
        "QRCode",
    )


def test_a_barcode_of_goods_is_no_advertisement():
    bars = samples.qr("4006381333931", kind=zxingcpp.BarcodeFormat.EAN13)
    [code] = codes.read(np.asarray(bars))
    assert (code.name, code.text, code.is_matrix) == ("EAN13", "4006381333931", False)
    assert judge_image(samples.encoded(bars), ("Ads",)).findings[0].objects == ()


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_one_frame_in_an_interval_is_judged(form):
    clean = [Image.new("RGB", (420, 120), (200, 200, 90 + 9 * place)) for place in range(12)]
    clean[10] = samples.page("赌博网站", size=(420, 120))
    data = samples.animation(clean, form)
    results = {
        (interval, most): judge_image(
            data, ("Abuse", "Illegal"), Policy(interval=interval, max_frames=most)
        ).findings[1]
        for interval, most in ((5, 5), (5, 2), (7, 5))
    }
    assert results[5, 5].keywords == ("赌博网站",)
    assert results[5, 2].keywords == results[7, 5].keywords == ()
    assert [frame.number for frame in frames(data, DEFAULT)] == [0, 5, 10]


def test_a_long_picture_is_cut_and_each_line_is_read_once():
    picture = Image.new("RGB", (400, 6000), "white")
    draw = ImageDraw.Draw(picture)
    rows = {40: "first line", 2995: "赌博网站", 5900: "the last line"}
    for top, text in rows.items():
        draw.text((30, top), text, font=fonts.find(text, 32), fill="black")
    judgement = judge_image(samples.encoded(picture), ("Illegal",))
    assert judgement.text.splitlines() == ["first line", "赌博网站", "the last line"]
    [line] = judgement.findings[0].ocr
    assert abs(line.location.y - 3000) < 15


@pytest.mark.parametrize("size", [(1700, 300), (2280, 720), (6000, 400)])
@pytest.mark.parametrize("start", [0.1, 0.3, 0.5])
def test_a_line_along_a_wide_picture_is_read_across_the_cuts(size, start):
    picture = Image.new("RGB", size, "white")
    font = fonts.find("a", size[1] // 4)
    ImageDraw.Draw(picture).text((size[0] * start, size[1] / 3), "free gift card", font=font,
                                 fill="black")  # fmt: skip
    [finding] = judge_image(samples.encoded(picture), ("Ads",)).findings
    assert finding.keywords == ("free gift card",)


@pytest.mark.parametrize("size", [(400, 6000), (6000, 400), (300, 20_000), (4000, 900)])
def test_pieces_cover_a_picture_and_are_few(size):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    count = 0
    for left, top, piece in pieces(pixels):
        piece[:] = 255
        assert pixels[top, left, 0] == 255
        count += 1
    assert pixels.min() == 255
    assert count <= 40


@pytest.mark.parametrize(("ink", "alpha"), [("white", 0), ("black", 0)])
def test_text_on_transparency_is_read_whatever_its_colour(ink, alpha):
    picture = Image.new("RGBA", (420, 120), (0, 0, 0, alpha))
    draw = ImageDraw.Draw(picture)
    draw.text((30, 30), "赌博网站", font=fonts.find("赌博网站", 40), fill=ink)
    assert judge_image(samples.encoded(picture), ("Illegal",)).text == "赌博网站"


def test_a_picture_is_judged_as_it_is_shown():
    turned = samples.page("赌博网站", size=(420, 120)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = samples.encoded(turned, "JPEG", exif=exif.tobytes(), quality=95)
    [line] = judge_image(data, ("Illegal",)).findings[0].ocr
    assert line.location.width > line.location.height * 3


def test_a_file_that_is_also_something_else_does_not_pass():
    picture = samples.encoded(Image.new("RGB", (64, 64)))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("run.js", "x")
    for behind, what in (
        (b"ftypmp42", "something else behind its picture (8 bytes)"),
        (b"<SVG onload=alert(1)>", "a web page or script"),
        (archive.getvalue(), "a zip archive"),
        (b"<script>alert(1)</script>", "a web page or script"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
    ):
        [plain] = judge_image(picture, ("Ads",)).findings
        [finding] = judge_image(picture + behind, ("Ads",)).findings
        assert plain.result == NORMAL
        assert (finding.result, finding.engine) == (SUSPECTED, "")
        assert finding.reason == f"the file is also {what}, which was not judged"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_what_follows_a_picture_does_not_pass_with_it(form):
    picture = samples.encoded(samples.page("good morning", size=(420, 120)), form)
    for padding in (b"", bytes(40), b"\r\n"):
        assert judge_image(picture + padding, ("Ads",)).result == NORMAL
    film = bytes(4) + b"ftypmp42" + bytes(range(256))
    assert judge_image(picture + film, ("Ads",)).result == SUSPECTED


def test_a_picture_that_is_a_script_does_not_pass():
    gif = samples.encoded(Image.new("RGB", (64, 64)), "GIF")
    script = b"GIF89a/*" + gif[8:-1] + b"\x21\xfe\x0f*/=1;alert('hi')\0;"
    [finding] = judge_image(script, ("Ads",)).findings
    assert finding.reason == "the file is also a web page or script, which was not judged"


def test_the_other_pictures_of_a_file_are_judged():
    first, second = samples.page("good morning"), samples.page("赌博网站")
    several = samples.encoded(first, "MPO", save_all=True, append_images=[second])
    assert judge_image(several, ("Illegal",)).findings[0].keywords == ("赌博网站",)
    jpeg = samples.encoded(first, "JPEG")
    assert judge_image(jpeg + samples.encoded(second, "JPEG"), ("Ads",)).result == SUSPECTED
    plain = samples.encoded(first, "MPO", save_all=True, append_images=[first])
    assert judge_image(plain, ("Ads",)).result == NORMAL
    many = samples.encoded(first, "MPO", save_all=True, append_images=[first] * 8)
    assert refusal(many) == (NOT_ELIGIBLE, "the file has 9 pictures: at most 8 are allowed")


def with_thumbnail(picture, small):
    entries = struct.pack("<HHIIHHIIHHII", 0x103, 3, 1, 6, 0x201, 4, 1, 56, 0x202, 4, 1, len(small))
    head = b"Exif\0\0II*\0" + struct.pack("<IHI", 8, 0, 14)
    exif = head + struct.pack("<H", 3) + entries + bytes(4) + small
    return samples.encoded(picture, "JPEG", exif=exif)


def test_a_thumbnail_is_judged_as_well():
    picture = samples.page("good morning")
    small = samples.encoded(samples.page("赌博网站", size=(320, 100)), "JPEG", quality=90)
    judged = judge_image(with_thumbnail(picture, small), ("Illegal",))
    assert judged.findings[0].keywords == ("赌博网站",)
    own = samples.encoded(picture.resize((160, 50)), "JPEG")
    assert judge_image(with_thumbnail(picture, own), ("Ads",)).result == NORMAL
    damaged = samples.encoded(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\0\0")
    assert judge_image(damaged, ("Ads",)).result == NORMAL
    for wrong in (b"\xff\xd8\xff no picture", samples.encoded(Image.new("L", (2000, 9)), "JPEG")):
        number, message = refusal(with_thumbnail(picture, wrong))
        assert (number, "thumbnail" in message) == (NOT_ELIGIBLE, True)


def test_text_that_one_ground_hides_is_read_on_the_other():
    ink = samples.page("赌博网站", size=(420, 120)).convert("L").point(lambda value: 255 - value)
    picture = Image.new("RGBA", (420, 400), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((0, 150, 420, 400), fill="white")
    picture.paste(Image.new("RGBA", ink.size, "black"), mask=ink)
    assert judge_image(samples.encoded(picture), ("Illegal",)).text == "赌博网站"


def test_what_transparency_hides_is_judged():
    picture = samples.page("赌博网站", size=(420, 120)).convert("RGBA")
    picture.putalpha(0)
    assert judge_image(samples.encoded(picture), ("Illegal",)).text == "赌博网站"


def test_frames_that_were_not_looked_at_are_told():
    still = [Image.new("RGB", (64, 64), (10 * place, 0, 0)) for place in range(7)]
    data = samples.animation(still)
    [finding] = judge_image(data, ("Ads",)).findings
    assert (finding.result, finding.reason) == (NORMAL, "2 of 7 frames were looked at")
    [finding] = judge_image(data, ("Ads",), Policy(interval=1, max_frames=7)).findings
    assert finding.reason == ""


def test_a_page_with_too_many_lines_is_for_review(monkeypatch):
    monkeypatch.setattr(ocr, "MAX_LINES", 2)
    two, three = (samples.page(*["good morning"] * count) for count in (2, 3))
    assert judge_pixels(np.asarray(two), ("Abuse",)).result == NORMAL
    [finding] = judge_pixels(np.asarray(three), ("Abuse",)).findings
    assert (finding.result, finding.engine) == (SUSPECTED, "")
    assert finding.reason == f"{NO_ENGINE}: of more than 2 lines the smaller ones were not read"


def test_nudity_is_looked_for_in_each_piece_of_a_long_picture(monkeypatch):
    shapes = []
    monkeypatch.setattr(nsfwjs, "available", lambda: True)
    monkeypatch.setattr(
        nsfwjs, "classify", lambda pixels: shapes.append(pixels.shape) or {"Neutral": 1.0}
    )
    judge_pixels(np.zeros((6000, 400, 3), np.uint8), ("Porn",), Policy(nudity="nsfwjs"))
    assert len(shapes) > 5
    assert all(height <= 2.5 * width for height, width, _ in shapes)


def test_what_is_no_picture_is_refused_with_cis_numbers(tmp_path):
    whole = samples.encoded(Image.effect_noise((200, 200), 80), "JPEG")
    assert refusal(b"")[0] == BROKEN
    assert refusal(b"GIF89a")[0] == NOT_ELIGIBLE
    assert refusal(b"MZ not a picture")[0] == NOT_ELIGIBLE
    assert refusal(whole[: len(whole) // 2])[0] == BROKEN
    avif = samples.encoded(Image.new("RGB", (64, 64)), "AVIF")
    number, message = refusal(avif)
    assert number == NOT_ELIGIBLE
    assert "AVIF" in message
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    promise = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header))
    data = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    number, message = refusal(promise + data)
    assert number == TOO_LARGE
    assert "60000x60000" in message
    renamed = tmp_path / "picture.txt"
    renamed.write_bytes(whole)
    assert judge_image(renamed, ("Ads",)).result == NORMAL


def test_large_pictures_need_to_be_asked_for():
    heavy = samples.encoded(Image.effect_noise((2600, 2500), 120))
    assert 5 * 1024**2 < len(heavy) < 32 * 1024**2
    number, message = refusal(heavy, scenes=("Ads",))
    assert number == TOO_LARGE
    assert "LargeImageDetect" in message
    # The engines are switched off: noise is slow to read, and nothing is to be found.
    [finding] = judge_image(
        heavy, ("Ads",), Policy(large_image=True, ocr=False, codes=False)
    ).findings
    assert (finding.result, finding.engine) == (SUSPECTED, "")
    assert finding.reason == f"{NO_ENGINE}: the policy leaves it out"


def test_without_the_extra_nothing_passes(monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    monkeypatch.setattr(codes, "available", lambda: False)
    findings = judge_pixels(np.zeros((40, 40, 3), np.uint8)).findings
    assert {(finding.result, finding.engine) for finding in findings} == {(SUSPECTED, "")}
    assert {f.reason for f in findings if f.scene in ("Ads", "Abuse")} == {
        f"{NO_ENGINE}: the extra `audit` is not installed"
    }


def test_nudity_is_judged_by_an_engine_that_is_installed_by_hand_only(monkeypatch):
    pixels = np.zeros((40, 40, 3), np.uint8)
    assert nudity.judge(pixels, "none").reason == f"{NO_ENGINE}: no nudity engine is wanted"
    assert nudity.judge(pixels, "auto").reason == f"{NO_ENGINE}: no nudity engine is installed"

    class Detector:
        seen = ()

        def detect(self, _):
            return [{"class": name, "score": sure, "box": [1, 2, 3, 4]} for name, sure in self.seen]

    detector = Detector()
    monkeypatch.setattr(nudity.importlib.util, "find_spec", lambda _: True)
    monkeypatch.setattr(nudity, "_detector", lambda: detector)
    for seen, result in (
        ((("FACE_FEMALE", 0.9),), NORMAL),
        ((("BUTTOCKS_EXPOSED", 0.9),), SUSPECTED),
        ((("ANUS_EXPOSED", 0.3),), SUSPECTED),
        ((("FEMALE_GENITALIA_EXPOSED", 0.8), ("FACE_FEMALE", 0.9)), SENSITIVE),
    ):
        detector.seen = seen
        finding = nudity.judge(pixels, "auto")
        assert (finding.result, finding.engine) == (result, "nudenet")
        assert [part.name for part in finding.objects] == [n for n, _ in seen if n != "FACE_FEMALE"]


@pytest.mark.parametrize(
    ("shares", "result"),
    [
        ({"Neutral": 0.7, "Drawing": 0.2, "Porn": 0.1}, NORMAL),
        ({"Neutral": 0.6, "Sexy": 0.4}, SUSPECTED),
        ({"Neutral": 0.5, "Porn": 0.5}, SUSPECTED),
        ({"Porn": 0.5, "Hentai": 0.4, "Neutral": 0.1}, SENSITIVE),
    ],
)
def test_nsfwjs_passes_only_what_it_is_sure_of(monkeypatch, shares, result):
    monkeypatch.setattr(nsfwjs, "available", lambda: True)
    monkeypatch.setattr(nsfwjs, "classify", lambda _: shares)
    finding = nudity.judge(np.zeros((40, 40, 3), np.uint8), "nsfwjs")
    assert (finding.result, finding.engine) == (result, "nsfwjs")


@pytest.mark.skipif(not shutil.which("node"), reason="nsfwjs needs Node")
def test_the_process_of_nsfwjs_is_asked_picture_by_picture(tmp_path, monkeypatch):
    """Our program under Node, with a package in nsfwjs' place that says what it was given."""
    packages = {
        "@tensorflow/tfjs": "exports.enableProdMode = () => {};"
        "exports.tensor3d = (data, shape) => ({ data, shape, dispose() {} });",
        "nsfwjs": "exports.load = async () => { console.log('chatter'); return { classify: async"
        " (p) => [{ className: 'Neutral', probability: p.data[0] / 255 },"
        " { className: 'Porn', probability: p.shape[0] === 224 ? 1 : 0 }] }; };",
    }
    for name, code in packages.items():
        folder = tmp_path / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "index.js").write_text(code)
    monkeypatch.setenv("LOCALCLOUD_NSFWJS", str(tmp_path))
    monkeypatch.setattr(nsfwjs, "_running", [])
    assert nsfwjs.available()
    for value in (255, 51):
        shares = nsfwjs.classify(np.full((600, 400, 3), value, np.uint8))
        assert shares == {"Neutral": value / 255, "Porn": 1}
    [process] = nsfwjs._running
    process.kill()
    process.wait()
    assert nsfwjs.classify(np.zeros((9, 9, 3), np.uint8))["Neutral"] == 0
    nsfwjs._end(nsfwjs._running[0])
    (tmp_path / "node_modules" / "nsfwjs" / "index.js").write_text("throw new Error('broken')")
    finding = nudity.judge(np.zeros((9, 9, 3), np.uint8), "nsfwjs")
    assert (finding.result, finding.engine) == (SUSPECTED, "")
    assert finding.reason == f"{NO_ENGINE}: nsfwjs fails: it does not start"
