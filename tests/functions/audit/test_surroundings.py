"""What is wrong around an upload lets nothing pass, and is made good once it is right again."""

import pytest

from shared.invocations import RetryableError
from tests.functions.conftest import photo


@pytest.mark.parametrize("name", ["COS_SECRET_ID", "COS_SECRET_KEY"])
def test_with_wrong_credentials_nothing_is_judged_and_nothing_passes(audits, monkeypatch, name):
    event = audits.upload("uploads/bad.jpg", photo())
    right = audits.cloud.environment[name]
    monkeypatch.setenv(name, "x" * len(right))
    for _ in range(4):
        with pytest.raises(RetryableError):
            audits.run(event)
    assert audits.listing() == ["uploads/bad.jpg"]
    monkeypatch.setenv(name, right)
    assert audits.run(event, "invocation-2")["outcome"] == "done"
    assert not audits.exists("uploads/bad.jpg")


def test_an_audit_that_is_no_more_in_the_file_passes_nothing_that_waits(audits):
    event = audits.upload("uploads/good.pdf", b"%PDF-1.4")
    assert audits.run(event)["outcome"] == "submitted"
    audits.file.write_text(
        "version: 1\npipelines:\n  another:\n    when: {prefix: elsewhere/}\n    audit: {}\n"
    )
    entry = audits.finish().entry
    assert (entry["outcome"], entry["error"]["code"]) == ("failed", "InvalidState")
    assert "no audit check any more" in entry["error"]["message"]
    assert audits.under("records/") == []
    audits.section()
    assert audits.finished()["outcome"] == "done"
