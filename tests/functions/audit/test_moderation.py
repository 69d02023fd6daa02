"""`provider: api3`: the same pipeline where the bucket has no CI, judged by `ims` and `tms`."""

import pytest

from shared.errors import ConfigError
from shared.pipelines import load
from tests.functions.conftest import photo
from tests.localcloud.ci.conftest import Bucket


@pytest.fixture
def moderated(audits):
    """The pipeline's bucket, which CI is not bound to."""
    unbound = Bucket(audits.cloud)
    unbound.pic("PUT", {"unbind": ""})
    audits.bucket = unbound.name
    audits.section("provider: api3, on: {block: [private, tag, quarantine], pass: [tag]}")
    return audits


def test_words_are_judged_and_acted_on(moderated):
    entry = moderated.audit("uploads/a.txt", b"hello fuck you")
    assert entry["outcome"] == "done"
    assert "uploads/a.txt" not in moderated.listing()
    assert any(key.startswith("quarantine/") for key in moderated.listing())
    assert moderated.audit("uploads/b.txt", b"good morning")["outcome"] == "done"
    assert "uploads/b.txt" in moderated.listing()
    assert "pass" in moderated.tags("uploads/b.txt").values()


def test_a_text_in_another_encoding_and_one_in_none(moderated):
    moderated.audit("uploads/a.txt", "加微信，出售冰毒".encode("gb18030"))
    assert "uploads/a.txt" not in moderated.listing()
    moderated.audit("uploads/b.txt", b"\xff\xff\xff\x00")
    assert "review" in moderated.tags("uploads/b.txt").values()


def test_a_picture_by_its_signed_address(moderated):
    assert moderated.audit("uploads/good.jpg", photo())["outcome"] == "done"
    assert "pass" in moderated.tags("uploads/good.jpg").values()
    # What is no picture at all is for a person.
    assert moderated.audit("uploads/other.jpg", b"no picture")["outcome"] == "done"
    assert "review" in moderated.tags("uploads/other.jpg").values()


def test_what_it_does_not_judge_is_for_review(moderated):
    assert moderated.audit("uploads/a.mp4", b"video")["outcome"] == "done"
    assert "review" in moderated.tags("uploads/a.mp4").values()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("provider: other", "allowed are ci, api3"),
        ("provider: api3, scenes: [Porn]", "scenes"),
        ("provider: api3, freeze: {Porn: 90}", "freeze"),
        ("provider: api3, kinds: [video]", "judges image and text alone"),
    ],
)
def test_what_the_section_may_not_say(audits, section, said):
    audits.section(section)
    with pytest.raises(ConfigError, match=said):
        load(audits.file)
