"""`user` and `data_id`: what CI is told about who uploaded reaches it, and comes back."""

import json

import numpy as np
import pytest
from PIL import Image

from shared.audit_file import USER_FIELDS
from tests.functions.conftest import photo
from tests.localcloud.detectors import samples

# What is written in pipelines.yml, and what CI gets of it: no control characters, at most 128
# bytes, cut between characters.
SENT = {
    "TokenId": ("<b>&amp;\"'</b>", "<b>&amp;\"'</b>"),
    "Nickname": ("Zoë 王 🚀", "Zoë 王 🚀"),
    "DeviceId": ("a\nb\r\n\tc\x00", "abc"),
    "AppId": ("&<>\"'&lt;", "&<>\"'&lt;"),
    "Room": ("]]> <!-- x --> <![CDATA[", "]]> <!-- x --> <![CDATA["),
    "IP": ("2001:db8::1", "2001:db8::1"),
    "Type": ("0", "0"),
    "ReceiveTokenId": ("王" * 500, "王" * 42),
    "Gender": ("x" * 500, "x" * 128),
    "Level": ("x" + "🚀" * 500, "x" + "🚀" * 31),
    "Role": ("by {meta.role}", "by editor & <chief>"),
}
DATA_ID = ("é" * 240 + "<{bucket}&{request_id}>" + "y" * 500, "é" * 240 + "<")


def large():
    pixels = np.random.default_rng(2).integers(0, 256, (1370, 1370, 3), np.uint8)
    return samples.encoded(Image.fromarray(pixels), compress_level=1)


CONTENTS = {
    "image": ("good.jpg", photo),
    "large image": ("good.png", large),
    "text": ("good.txt", lambda: b"The meeting is on Monday."),
    "text file": ("good-long.txt", lambda: b"The meeting is on Monday. " * 500),
    "audio": ("good.mp3", lambda: b"sound"),
    "video": ("good.mp4", lambda: b"film"),
    "document": ("good.pdf", lambda: b"%PDF-1.4"),
    "webpage": ("good.html", lambda: b"<p>The meeting is on Monday.</p>"),
}


def quoted(text):
    return json.dumps(text, ensure_ascii=True).replace("\\ud83d\\ude80", "🚀")


@pytest.fixture
def people(audits, hook, monkeypatch):
    """An audit that tells all that it can of the uploader, and CI's callbacks."""
    token = "t0ken-" + "c" * 32
    monkeypatch.setenv("CALLBACK_URL", hook.url)
    monkeypatch.setenv("CALLBACK_TOKEN", token)
    fields = ", ".join(f"{name}: {quoted(sent)}" for name, (sent, _) in SENT.items())
    audits.section(f"data_id: {quoted(DATA_ID[0])}, user: {{{fields}}}")
    return audits


def asked(audits, key, body):
    """What CI says of the job that the upload became."""
    event = audits.upload(key, body)
    event["Records"][0]["cos"]["cosObject"]["meta"]["x-cos-meta-role"] = "editor & <chief>"
    entry = audits.run(event)
    if entry["outcome"] == "submitted":
        entry = audits.finished()
    assert entry["outcome"] == "done"
    verdict = audits.verdict(key)
    assert verdict["result"] == "pass"
    answer = audits.client.ci_auditing_query_common(
        Bucket=audits.bucket, Type=verdict["kind"], JobID=verdict["job_id"]
    )["JobsDetail"]
    return answer[0] if isinstance(answer, list) else answer


def test_every_field_that_ci_takes_is_sent_here():
    assert set(SENT) == set(USER_FIELDS)


@pytest.mark.parametrize("kind", CONTENTS)
def test_who_uploaded_is_told_as_it_was_written_and_comes_back(people, kind):
    name, make = CONTENTS[kind]
    answer = asked(people, f"uploads/{name}", make())
    assert answer["UserInfo"] == {name: expected for name, (_, expected) in SENT.items()}
    data_id = answer["DataId"]
    assert data_id.startswith(DATA_ID[1])
    assert 510 <= len(data_id.encode()) <= 512


@pytest.mark.parametrize("kind", ["large image", "text file", "video"])
def test_the_callback_tells_it_too(people, hook, kind):
    name, make = CONTENTS[kind]
    answer = asked(people, f"uploads/{name}", make())
    told = json.loads(hook.calls.get(timeout=20).body)["JobsDetail"]
    told = told[0] if isinstance(told, list) else told
    assert (told["UserInfo"], told["DataId"]) == (answer["UserInfo"], answer["DataId"])


def test_nothing_of_it_is_in_the_record(people):
    asked(people, "uploads/good.jpg", photo())
    assert "Zoë" not in json.dumps(people.audit_record("uploads/good.jpg"), ensure_ascii=False)


def test_what_is_empty_for_an_upload_is_left_out(audits):
    audits.section('data_id: "{meta.none}", user: {TokenId: "{meta.none}", Level: "\\n "}')
    audits.audit("uploads/good.jpg", photo())
    verdict = audits.verdict("uploads/good.jpg")
    answer = audits.client.ci_auditing_query_common(
        Bucket=audits.bucket, Type="image", JobID=verdict["job_id"]
    )["JobsDetail"]
    answer = answer[0] if isinstance(answer, list) else answer
    assert verdict["result"] == "pass"
    assert not answer.get("UserInfo")
    assert not answer.get("DataId")
