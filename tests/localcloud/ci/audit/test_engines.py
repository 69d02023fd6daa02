"""The whole way with the real engines: what is found reaches the client, and who found it."""

import base64
import io
import zipfile

import pytest

from tests.localcloud.detectors import samples

# EICAR's test file, encoded so that scanners leave this file alone.
EICAR = base64.b64decode(
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)


@pytest.fixture
def bucket(cloud, audited_in):
    return audited_in(cloud)


def done(bucket, path, key, conf="<Conf/>", **body):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in body.items())
    taken = bucket.submit(path, f"<Input><Object>{key}</Object>{inner}</Input>{conf}")
    return bucket.finished(path, taken.findtext("JobId"))


def told(info, *names):
    return [info.findtext(name) for name in names]


def test_a_text(bucket, encode):
    text = "买发票？代\u200b开-发 票 fuck you"
    found = bucket.submit(
        "text/auditing", f"<Input><Content>{encode(text.encode())}</Content></Input><Conf/>"
    )
    assert told(found, "Label", "Result") == ["Abuse", "1"]
    section = found.find("Section")
    names = ("HitFlag", "Keywords", "Engine")
    assert told(section.find("IllegalInfo"), *names) == ["2", "代开发票", "lexicon"]
    assert told(section.find("AbuseInfo"), *names) == ["1", "fuck", "lexicon"]
    library = section.find("AbuseInfo/LibResults")
    assert told(library, "LibType", "LibName", "Keywords") == ["1", "en", "fuck"]
    assert told(section.find("PornInfo"), *names) == ["0", "", "lexicon"]


def test_a_picture_with_words_in_it(bucket):
    bucket.put("a.png", samples.encoded(samples.page("赌博网站")))
    url = bucket.presigned("a.png", {
        "ci-process": "sensitive-content-recognition", "detect-type": "illegal,politics",
    })  # fmt: skip
    body = bucket.get(url).body
    assert b"<Label>Illegal</Label>" in body
    found = bucket.client.ci_auditing_image_batch(
        Bucket=bucket.name, Input=[{"Object": "a.png"}], DetectType=16 | 4
    )["JobsDetail"][0]
    info = found["IllegalInfo"]
    assert "lexicon" in info["Engine"]
    line = info["OcrResults"]
    assert "赌博" in line["Text"]
    assert 0 < float(line["Location"]["Width"]) <= 760
    # What nothing here can judge is not passed, and says why.
    assert (found["PoliticsInfo"]["HitFlag"], found["PoliticsInfo"]["Engine"]) == ("2", None)
    assert found["PoliticsInfo"]["Reason"].startswith("no local engine")


def test_a_picture_that_is_none(bucket):
    bucket.put("a.jpg", b"\xff\xd8\xff\xe0 and nothing more")
    found = bucket.submit("image/auditing", "<Input><Object>a.jpg</Object></Input><Conf/>")
    assert found.findtext("State") == "Failed"
    assert found.findtext("Code") in ("-65007", "-65013")


def test_a_file_in_the_older_chinese_encoding(bucket):
    bucket.put("a.txt", ("清白的话。" * 2500 + "代开发票").encode("gbk"))
    found = done(bucket, "text/auditing", "a.txt")
    assert told(found, "Label", "SectionCount") == ["Illegal", "2"]
    first, second = found.findall("Section")
    assert told(first, "StartByte", "Result") == ["0", "0"]
    assert told(second, "StartByte", "Result", "IllegalInfo/Keywords") == ["10000", "2", "代开发票"]
    assert told(found, "IllegalInfo/Count") == ["1"]


def test_viruses(bucket):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("deep/eicar.com", EICAR)
        file.writestr("harmless.txt", "x")
    bucket.put("eicar.com", EICAR)
    bucket.put("a.zip", archive.getvalue())
    bucket.put("harmless.txt", b"hello")
    plain, packed, harmless = (
        done(bucket, "virus/detect", key) for key in ("eicar.com", "a.zip", "harmless.txt")
    )
    assert plain.findtext("Suggestion") == packed.findtext("Suggestion") == "block"
    assert packed.findtext("DetectDetail/Result/FileName") == "deep/eicar.com"
    assert "eicar" in packed.findtext("DetectDetail/Result/VirusName").lower()
    assert told(harmless, "Suggestion", "DetectDetail") == ["normal", None]


def test_an_archive_that_cannot_be_looked_into_is_not_passed(bucket):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("secret.txt", "x")
    content = bytearray(archive.getvalue())
    # The flag that says "encrypted", in the entry and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    bucket.put("a.zip", bytes(content))
    found = done(bucket, "virus/detect", "a.zip")
    assert told(found, "State", "Code", "Suggestion") == ["Failed", "-65013", None]


def test_a_document(bucket):
    bucket.put("a.bin", "代开发票".encode())
    conf = "<Conf><DetectType>Illegal</DetectType></Conf>"
    found = done(bucket, "document/auditing", "a.bin", conf, Type="txt")
    assert told(found, "Suggestion", "Label", "PageCount") == ["2", "Illegal", "1"]
    assert found.findtext("Labels/IllegalInfo/HitFlag") == "2"
    (page,) = found.findall("PageSegment/Results")
    assert told(page, "PageNumber", "Suggestion") == ["1", "2"]


def test_a_webpage_with_its_hits_marked(bucket):
    much = "<p>nothing here</p>" * 1000
    html = f"<html><body><h1>Hello</h1><p>代开发票 &lt;b&gt;</p>{much}<p>代开发票</p></body></html>"
    bucket.client.put_object(
        Bucket=bucket.name, Key="a.html", Body=html.encode(), ACL="public-read"
    )
    conf = "<DetectType>Illegal</DetectType><ReturnHighlightHtml>true</ReturnHighlightHtml>"
    taken = bucket.submit(
        "webpage/auditing",
        f"<Input><Url>{bucket.address('a.html')}</Url></Input><Conf>{conf}</Conf>",
    )
    found = bucket.finished("webpage/auditing", taken.findtext("JobId"))
    assert told(found, "Suggestion", "Label") == ["2", "Illegal"]
    assert found.findtext("HighlightHtml").count("<mark>代开发票</mark>") == 2
    assert "&lt;b&gt;" in found.findtext("HighlightHtml")
    assert "<b>" not in found.findtext("HighlightHtml")
    assert found.findtext("TextResults/Results/IllegalInfo/Keywords") == "代开发票"


def test_lexicons_of_a_strategy(start_cloud, audited_in, tmp_path, encode):
    (tmp_path / "words.txt").write_text("[Abuse Insult 95]\nblorptastic\n")
    policy = tmp_path / "policy.yml"
    policy.write_text("biz_types: {own: {scenes: [Abuse], lexicons: [words.txt], preset: false}}\n")
    with start_cloud("--no-functions", "--audit-policy", str(policy)) as cloud:
        bucket = audited_in(cloud)
        found = bucket.submit(
            "text/auditing",
            f"<Input><Content>{encode(b'fuck, how Blorptastic')}</Content></Input>"
            "<Conf><BizType>own</BizType></Conf>",
        )
    info = found.find("Section/AbuseInfo")
    assert told(info, "Keywords", "LibResults/LibType") == ["blorptastic", "2"]
