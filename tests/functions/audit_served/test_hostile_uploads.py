"""Uploads that are not what they say, or are not there any more: none passes unjudged."""

import io
import struct
import subprocess
import zipfile

import pytest

from localcloud.detectors.media import ffmpeg
from tests.localcloud.detectors import samples
from tests.localcloud.detectors.test_viruses import EICAR

AD = "free gift card"
PLAIN = "The meeting is on Monday at ten"
GIB = 1 << 30


def zipped(body=b"words", *, encrypted=False):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("a.com", body)
    data = bytearray(file.getvalue())
    if encrypted:
        # The flag that says so, in the entry and in the directory.
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def film(folder, text=PLAIN):
    """Five frames in a second; the text is on the last one."""
    command = [ffmpeg.program(), "-nostdin", "-v", "error"]
    for name, words, seconds in (("a", PLAIN, "0.8"), ("b", text, "0.2")):
        samples.page(words).save(folder / f"{name}.png")
        command += ["-loop", "1", "-framerate", "5", "-t", seconds]
        command += ["-i", str(folder / f"{name}.png")]
    command += ["-filter_complex", "[0][1]concat=n=2,format=yuv420p", "-bf", "0", "-g", "1"]
    subprocess.run([*command, str(folder / "a.mp4")], check=True, stdin=subprocess.DEVNULL)
    return (folder / "a.mp4").read_bytes()


def lasting(data, hours):
    """The film slowed down, so that it lasts that long: its bytes stay as few."""
    slow, data = hours * 3600, bytearray(data)
    for name, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24), (b"elst", 12), (b"stts", 16)):
        place = data.index(name) + at
        [value] = struct.unpack_from(">I", data, place)
        struct.pack_into(">I", data, place, value * slow)
    return bytes(data)


def promising(data, size):
    """The film with an `mdat` that says that it has so many bytes."""
    start = data.index(b"mdat") - 4
    rest = data[start + 8 :]
    return data[:start] + struct.pack(">I4sQ", 1, b"mdat", size) + rest


def picture(form="JPEG", text=PLAIN):
    return samples.encoded(samples.page(text), form)


def jpeg_of(width, height):
    """A picture whose header promises more than there is."""
    data = bytearray(picture())
    start = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, start + 5, height, width)
    return bytes(data)


EXE = b"MZ\x90\x00" + bytes(56) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(4000)
CLUMSY = {
    "empty": ("empty.jpg", b""),
    "empty archive": ("empty.zip", b""),
    "png as txt": ("png.txt", picture("PNG", AD)),
    "png as a long txt": ("long.txt", picture("PNG", AD) + bytes(20_000)),
    "png as zip": ("png.zip", picture("PNG", AD)),
    "png as html": ("png.html", picture("PNG", AD)),
    "txt as jpg": ("txt.jpg", PLAIN.encode()),
    "html as jpg": ("html.jpg", b"<html><script>alert(1)</script></html>"),
    "exe as jpg": ("exe.jpg", EXE),
    "exe as txt": ("exe.txt", EXE),
    "exe as pdf": ("exe.pdf", EXE),
    "exe": ("a.exe", EXE),
    "encrypted zip": ("encrypted.zip", zipped(encrypted=True)),
    "virus in an encrypted zip": ("encrypted-virus.zip", zipped(EICAR, encrypted=True)),
    "jpeg and zip": ("polyglot.jpg", picture() + zipped()),
    "jpeg and zip with a virus": ("polyglot-virus.jpg", picture() + zipped(EICAR)),
    "jpeg and html": ("page.jpg", picture() + b"<script>alert(1)</script>"),
    "jpeg and pdf": ("pdf.jpg", picture()[:20] + b"%PDF-1.4" + picture()[20:]),
    "half a jpeg": ("half.jpg", picture()[:4000]),
    "only a head": ("head.jpg", picture()[:200]),
    "a jpeg of 60000 px": ("huge.jpg", jpeg_of(60_000, 60_000)),
    "zip as docx": ("zip.docx", zipped()),
    "no suffix": ("nothing", EXE),
    "svg": ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
    "heic": ("a.heic", bytes(16) + b"ftypheic" + bytes(100)),
    "mp4 of zeros": ("zeros.mp4", bytes(5000)),
    "mp3 of zeros": ("zeros.mp3", bytes(5000)),
    "null bytes as txt": ("few.txt", b"\0" * 500),
    "null bytes as a long txt": ("nul.txt", b"\0" * 20_000),
    "a playlist": ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    "a text in utf-16": ("utf16.txt", "free gift card".encode("utf-16")),
    "a text with a wrong byte": ("wrong.txt", b"The meeting \xff\xfe is on Monday"),
}
# Whatever their names say, these are looked at as what they are.
RESULTS = dict.fromkeys(
    ("a text in utf-16", "png as txt", "png as a long txt", "png as zip", "png as html"), "block"
)


@pytest.mark.parametrize("name", CLUMSY)
def test_what_cannot_be_judged_is_never_passed(served, name):
    file, body = CLUMSY[name]
    key = f"uploads/ads/hostile/{file}"
    audit = served.judged(key, body, ACL="public-read")
    verdict = audit["verdict"]
    assert verdict["result"] == RESULTS.get(name, "review")
    assert verdict["reason"] or verdict["labels"]
    assert not served.exists(key) or served.acl(key) == "private"


def test_a_virus_in_a_picture_is_found_where_it_is_asked_for(served):
    """The picture alone is for review."""
    file, body = CLUMSY["jpeg and zip with a virus"]
    key = f"uploads/both/{file}"
    audit = served.judged(key, body)
    assert (audit["verdict"]["kind"], audit["verdict"]["result"]) == ("image,virus", "block")
    assert {label["scene"]: label["result"] for label in audit["verdict"]["labels"]} == {
        "Ads": "review", "Virus": "block",
    }  # fmt: skip
    assert not served.exists(key)


@pytest.mark.parametrize("pipeline", ["both", "turned"])
def test_a_kind_that_ci_refuses_hides_no_other(served, pipeline):
    """A virus is no picture: the scan counts, whichever is asked for first."""
    key = f"uploads/{pipeline}/eicar.jpg"
    assert served.judged(key, EICAR)["verdict"]["result"] == "block"
    assert not served.exists(key)


def test_no_threshold_lets_a_file_pass_that_is_also_something_else(served):
    key = "uploads/lenient/polyglot.jpg"
    assert served.judged(key, CLUMSY["jpeg and zip"][1])["verdict"]["result"] == "review"
    assert served.judged("uploads/lenient/plain.jpg", picture())["verdict"]["result"] == "pass"


@pytest.mark.parametrize(
    ("name", "type"),
    [("page.txt", "text/html"), ("drawing.txt", "image/svg+xml"), ("drawing.xml", "text/xml")],
)
def test_what_browsers_show_as_something_else_is_judged_as_that(served, name, type):
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><text>fr<tspan>ee</tspan> gift</text></svg>"
    page = b"<p>hello<img src='https://elsewhere.example/a.jpg'>"
    body = page if type == "text/html" else drawing
    audit = served.judged(f"uploads/ads/shown/{name}", body, ContentType=type)
    assert audit["verdict"]["result"] == "review"


@pytest.mark.parametrize("end", [" ", "\n", "\r", "\t"], ids=["space", "newline", "return", "tab"])
def test_the_verdict_is_on_the_key_that_was_asked_for(served, end):
    """XML may take a key for another: a harmless one beside it is no pass."""
    served.upload("uploads/batch/x.jpg", picture())
    for key in (f"uploads/batch/x.jpg{end}", f"uploads/batch/{end}x.jpg"):
        audit = served.judged(key, picture(text=AD), ContentType="image/jpeg")
        assert audit["verdict"]["result"] in ("review", "block"), key


@pytest.mark.parametrize(("text", "result"), [(PLAIN, "pass"), (AD, "block")])
def test_of_a_video_of_ten_hours_the_snapshots_asked_for_are_judged(served, tmp_path, text, result):
    """Five of them, over its whole length."""
    body = lasting(film(tmp_path, text), 10)
    (tmp_path / "long.mp4").write_bytes(body)
    assert ffmpeg.probe(tmp_path / "long.mp4", GIB).duration == pytest.approx(36_000, rel=0.01)
    audit = served.judged(f"uploads/brief/hours-{result}.mp4", body)
    assert audit["verdict"]["result"] == result


@pytest.mark.parametrize("text", [PLAIN, AD], ids=["plain", "ad"])
@pytest.mark.parametrize("size", [10 * GIB, (1 << 63) - 1], ids=["10GiB", "8EiB"])
def test_a_video_that_promises_more_than_there_is_is_for_review(served, tmp_path, size, text):
    name = f"{size}-{text == AD}.mp4"
    body = promising(film(tmp_path, text), size)
    assert served.judged(f"uploads/brief/{name}", body)["verdict"]["result"] == "review"
    half = promising(lasting(film(tmp_path, text), 10), size)[:3000]
    assert served.judged(f"uploads/brief/half-{name}", half)["verdict"]["result"] == "review"
