"""Texts: in the request, judged at once; as a file, judged by a job."""

import pytest

PATH = "text/auditing"


def test_a_text_comes_back_with_its_verdict(audited, encode):
    found = audited.submit(
        PATH, f"<Input><Content>{encode(b'forbidden words')}</Content></Input><Conf/>"
    )
    assert found.findtext("JobId").startswith("st")
    assert found.findtext("Content") == encode(b"forbidden words")
    names = ("State", "SectionCount", "Label", "Result", "IllegalInfo/HitFlag", "IllegalInfo/Count")
    assert [found.findtext(name) for name in names] == ["Success", "1", "Illegal", "2", "2", "1"]
    section = found.find("Section")
    names = ("StartByte", "Label", "IllegalInfo/Score", "IllegalInfo/Keywords", "PornInfo/HitFlag")
    assert [section.findtext(name) for name in names] == ["0", "Illegal", "80", "gun", "0"]


def test_callbacks_and_freezing_are_for_files_alone(audited, encode, listener):
    found = audited.submit(
        PATH,
        f"<Input><Content>{encode(b'forbidden words')}</Content></Input><Conf><Callback>"
        f"{listener.url}</Callback><Freeze><IllegalScore>1</IllegalScore></Freeze></Conf>",
    )
    assert (found.findtext("State"), found.findtext("ForbidState")) == ("Success", "0")
    audited.put("bad/a.txt")
    audited.submit(
        PATH,
        f"<Input><Object>bad/a.txt</Object></Input><Conf><Callback>{listener.url}/file</Callback></Conf>",
    )
    assert listener.next().path == "/file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("%%%", "no base64"),
        ("/w==", "no UTF-8"),
    ],
)
def test_a_text_that_is_none_is_refused(audited, content, said):
    answer = audited.ci(
        "POST", PATH, f"<Request><Input><Content>{content}</Content></Input><Conf/></Request>"
    )
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body
    assert said.encode() in answer.body


def test_ten_thousand_characters_and_no_more(audited, encode):
    def status(text):
        body = f"<Input><Content>{encode(text.encode())}</Content></Input><Conf/>"
        return audited.ci("POST", PATH, f"<Request>{body}</Request>").status

    assert status("字" * 10_000) == 200
    assert status("字" * 10_001) == 400


def test_a_file_is_a_job(audited):
    audited.put("clean/a.txt")
    audited.put("long.txt", b"x" * (1024**2 + 1))

    def result(key):
        taken = audited.submit(PATH, f"<Input><Object>{key}</Object></Input><Conf/>")
        assert [node.tag for node in taken] == ["JobId", "State", "CreationTime"]
        done = audited.finished(PATH, taken.findtext("JobId"))
        return [done.findtext(name) for name in ("Object", "State", "Result", "Code")]

    assert result("clean/a.txt") == ["clean/a.txt", "Success", "0", None]
    assert result("long.txt") == ["long.txt", "Failed", None, "-65011"]
    assert result("missing.txt") == ["missing.txt", "Failed", None, "-61011"]
