"""What the engines read in a content decides, and no word of it is kept anywhere."""

import io
import subprocess
import wave
import zipfile

import pytest

from localcloud.detectors.media import ffmpeg
from tests.localcloud.detectors import samples
from tests.localcloud.detectors.test_viruses import EICAR

AD = "Claim your free gift card at acmebestshop"
PLAIN = "The meeting is on Monday at ten"
# Beside the term of the lexicon, a word that only somebody who kept the whole line would have.
WORDS = ("gift card", "giftcard", "acmebestshop", "free gift")


def picture(text):
    return samples.encoded(samples.page(text))


def page(text):
    return f"<html><body><h1>{text}</h1></body></html>".encode()


def document(text):
    file = io.BytesIO()
    samples.page(text).save(file, "PDF")
    return file.getvalue()


def film(text, folder):
    """Two seconds, the text in the second one."""
    samples.page(PLAIN).save(folder / "a.png")
    samples.page(text).save(folder / "b.png")
    command = [ffmpeg.program(), "-nostdin", "-v", "error"]
    for name in ("a", "b"):
        command += ["-loop", "1", "-framerate", "5", "-t", "1", "-i", str(folder / f"{name}.png")]
    command += ["-filter_complex", "[0][1]concat=n=2,format=yuv420p", "-g", "5"]
    subprocess.run([*command, str(folder / "film.mp4")], check=True, stdin=subprocess.DEVNULL)
    return (folder / "film.mp4").read_bytes()


def sound(text):
    """A second of silence, or of a tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((b"\x00\x10\x00\xf0" if text == AD else bytes(4)) * 4000)
    return file.getvalue()


def archive(body):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("deep/file.com", body)
    return file.getvalue()


KINDS = {  # suffix, how to make a content, who judges it
    "image": ("png", picture, "PP-OCRv6+lexicon+zxing"),
    "text": ("txt", str.encode, "lexicon"),
    "text-file": ("txt", lambda text: (text + ". \n").encode() + (PLAIN + ". ").encode() * 400,
                  "lexicon"),
    "document": ("pdf", document, "PP-OCRv6+lexicon+zxing"),
    "webpage": ("html", page, "lexicon"),
    "video": ("mp4", film, "PP-OCRv6+lexicon+zxing"),
    "audio": ("wav", sound, ""),
    "virus": ("zip", lambda text: archive(EICAR if text == AD else text.encode()), "signatures"),
}  # fmt: skip
RESULTS = {"audio": "review"}  # no engine hears words


def content(kind, text, tmp_path):
    suffix, make, engine = KINDS[kind]
    body = make(text, tmp_path) if kind == "video" else make(text)
    return f"uploads/ads/{kind}.{suffix}", body, engine


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_judged_by_an_engine_and_acted_on(served, kind, tmp_path):
    key, body, engine = content(kind, AD, tmp_path)
    audit = served.judged(key, body, ACL="public-read")
    verdict, [label] = audit["verdict"], audit["verdict"]["labels"]
    assert verdict["kind"] == kind.partition("-")[0]
    assert verdict["result"] == label["result"] == RESULTS.get(kind, "block")
    assert label["scene"] == ("Virus" if kind == "virus" else "Ads")
    assert label.get("engine", "") == engine
    assert audit["by"] == ("audit" if kind in ("image", "text") else "callback")
    if RESULTS.get(kind):
        assert served.acl(key) == "private"
        assert "no local engine" in verdict["reason"]
        return
    assert not served.exists(key)
    manifest = served.manifest(key)
    assert served.read(manifest["place"]["key"]) == body
    assert manifest["verdict"] == verdict
    assert [(each["action"], each["done"]) for each in audit["actions"]] == [("quarantine", True)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_passes_where_nothing_is_found(served, kind, tmp_path):
    key, body, _ = content(kind, PLAIN, tmp_path)
    key = key.replace(kind, f"plain-{kind}")
    audit = served.judged(key, body, ACL="public-read")
    assert audit["verdict"]["result"] == "pass"
    assert (served.tags(key), served.acl(key)) == ({"audit": "pass"}, "public-read")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("audio", "virus")])
def test_no_word_of_it_is_in_a_record_a_manifest_the_state_or_a_log(served, kind, tmp_path):
    key, body, _ = content(kind, AD, tmp_path)
    key = key.replace(kind, f"words-{kind}")
    assert served.judged(key, body)["verdict"]["result"] == "block"
    place = served.manifest(key)["place"]["key"]
    kept = {
        name: served.read(name)
        for prefix in (f"records/ads/{key}", place.rpartition("/")[0], served.chain(key))
        for name in served.keys(prefix)
        if name != place
    }
    assert any(name.endswith("manifest.json") for name in kept)
    assert any(name.startswith("records/") for name in kept)
    log = served.cloud.log.read_bytes()
    assert key.encode() in log
    for word in WORDS:
        assert word.encode() not in log.lower()
        for name, text in kept.items():
            assert word.encode() not in (text or b"").lower(), name
