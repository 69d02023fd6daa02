"""The section `audit` of pipelines.yml: what it means, and every mistake with its line."""

import json

import pytest

from shared.audit_kinds import named
from shared.errors import ConfigError
from shared.pipelines import COMPILED_NAME, compiled, load

FULL = """\
version: 1
pipelines:
  check:
    when: {prefix: uploads/}
    audit:
      kinds: [image, virus]
      scenes: [Porn, Ads]
      interval: 3
      max_frames: 20
      large_image: false
      snapshots: {mode: Average, count: 10, interval: 2.5, sound: true}
      data_id: "{request_id}"
      user: {TokenId: "{meta.user}", IP: "{source_ip}"}
      callback: false
      freeze: {Porn: 95}
      thresholds: {"*": {review: 50, block: 90}, Ads: {block: 99}}
      on: {block: [quarantine, notify], review: [], pass: [tag]}
      gate: true
      quarantine: {prefix: away/, bucket: away-1250000000}
      notify: https://example.com/hook?x=1
      timeout: 600
"""


@pytest.fixture
def pipelines(tmp_path):
    def read(text):
        (tmp_path / "pipelines.yml").write_text(text)
        return load(tmp_path / "pipelines.yml")

    return read


def test_a_whole_section_is_read(pipelines):
    [pipeline] = pipelines(FULL).entries
    audit = pipeline.audit
    assert (pipeline.function, pipeline.tags, pipeline.outputs) == ("audit", False, ())
    assert audit.actions("block") == ("quarantine", "notify")
    assert audit.actions("review") == ()
    assert audit.policy.threshold("Porn").block == 90
    assert audit.policy.threshold("Ads").block == 99
    assert audit.quarantine.bucket == "away-1250000000"
    assert audit.snapshots.interval == 2.5


def test_the_compiled_file_says_the_same(pipelines, tmp_path):
    read = pipelines(FULL)
    path = tmp_path / "pipelines.yml"
    text = compiled(path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "pipelines.yml").write_bytes(path.read_bytes())
    (other / COMPILED_NAME).write_text(text)
    assert json.loads(text)["pipelines"][0]["audit"]["gate"] is True
    again = load(other / "pipelines.yml")
    assert again == read
    assert again.entries[0].audit.policy == read.entries[0].audit.policy


def test_the_version_changes_with_the_section(pipelines):
    first = pipelines(FULL).entries[0].audit.policy.version
    assert (
        pipelines(FULL.replace("block: 90", "block: 91")).entries[0].audit.policy.version != first
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kinds: [pictures]", "allowed are image"),
        ("kinds: []", "at least one"),
        ("scenes: [Porn, Porn]", "stands twice"),
        ("scenes: [porn]", "allowed are Porn"),
        ("biz_type: x, scenes: [Porn]", "one of both"),
        ("biz_type: 'a b'", "policy in CI's console"),
        ("interval: 0", "1 to 10000"),
        ("max_frames: many", "1 to 10000"),
        ("large_image: maybe", "true or false"),
        ("snapshots: {mode: All}", "Interval, Average, Fps"),
        ("quarantine: {prefix: .pipelines/q/}", "the state lies there"),
        ("notify: 'https://example.com/h'", "on names the verdicts that it is told of"),
        ("thresholds: {Porn: {review: 95}}", "61 and 91 where they are not given"),
        ("snapshots: {interval: 61}", "up to 60"),
        ("data_id: '{nothing}'", "no placeholder"),
        ("user: {Name: x}", "is unknown"),
        ("freeze: {Porn: 101}", "0 to 100"),
        ("freeze: {Virus: 50}", "is unknown"),
        ("thresholds: {Porn: {review: 90, block: 80}}", "review is above block"),
        ("thresholds: {Pron: {review: 1}}", "is unknown"),
        ("on: {blocked: [tag]}", "is unknown"),
        ("on: {block: [delete]}", "allowed are private"),
        ("on: {block: [notify]}", "notify is missing"),
        ("quarantine: {prefix: away}", "a slash at its end"),
        ("quarantine: {prefix: ../}", "a slash at its end"),
        ("notify: http://example.com/", "https:// is expected"),
        ("notify: https://10.0.0.1/", "no public address"),
        ("notify: https://user@example.com/", "no user name"),
        ("timeout: 5", "60 to 86400"),
        ("colour: red", "is unknown"),
    ],
)
def test_a_mistake_is_told_with_its_line(pipelines, text, said):
    with pytest.raises(ConfigError) as found:
        pipelines(
            "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n"
            f"    audit: {{{text}}}\n"
        )
    assert any(
        each.startswith("pipelines.yml:5:") and said in each for each in found.value.problems
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("function: audit\n    outputs: {a: {format: png, fileid: /a}}", "audit is missing"),
        ("audit: {}\n    function: image", "audits are the work of audit"),
        ("audit: {}\n    outputs: {a: {format: png, fileid: /a}}", "makes no outputs"),
        ("audit: {quarantine: {prefix: uploads/bad/}}", "the quarantine"),
    ],
)
def test_what_does_not_go_together_is_refused(pipelines, text, said):
    with pytest.raises(ConfigError, match=said):
        pipelines(f"version: 1\npipelines:\n  c:\n    when: {{prefix: uploads/}}\n    {text}\n")


def test_a_pipeline_of_a_suffix_is_not_woken_by_the_quarantine(pipelines):
    found = pipelines(
        "version: 1\npipelines:\n  c:\n    when: {prefix: uploads/, suffix: .jpg}\n"
        "    audit: {quarantine: {prefix: uploads/away/}}\n"
    )
    assert found.entries[0].audit.quarantine.prefix == "uploads/away/"


@pytest.mark.parametrize(
    ("given", "mode", "interval"),
    [("{}", "Average", 1.0), ("{count: 5}", "Average", 1.0), ("{interval: 2}", "Interval", 2.0),
     ("{interval: 2, mode: Fps}", "Fps", 2.0)],
)  # fmt: skip
def test_the_whole_of_a_video_is_looked_at_unless_an_interval_is_given(
    pipelines, given, mode, interval
):
    text = "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n    audit:\n"
    shots = pipelines(f"{text}      snapshots: {given}\n").entries[0].audit.snapshots
    assert (shots.mode, shots.interval) == (mode, interval)


@pytest.mark.parametrize(
    ("key", "kind", "expected"),
    [
        ("a.txt", "text/html", ("text", "webpage")),
        ("a.txt", "image/svg+xml", ("text", "image")),
        ("a.mp3", "image/png", ("audio", "image")),
        ("a.md", "application/xhtml+xml; charset=utf-8", ("text", "webpage")),
        ("a.txt", "application/pdf", ("text", "document")),
        ("a.mp4", "audio/mp4", ("video",)),
        ("a.zip", "video/mp4", ("virus", "video")),
    ],
)
def test_a_type_that_is_shown_as_something_else_counts_too(pipelines, key, kind, expected):
    """A browser goes by the type, whatever the name says."""
    audit = pipelines(FULL.replace("      kinds: [image, virus]\n", "")).entries[0].audit
    assert named(audit, key, kind) == expected


@pytest.mark.parametrize(
    ("key", "kind", "expected"),
    [
        ("a.JPG", "", "image"),
        ("a.md", "", "text"),
        ("a.mp3", "audio/mpeg", "audio"),
        ("a.mp3", "video/mp4", "audio"),
        ("a.m3u8", "application/vnd.apple.mpegurl", "video"),
        ("a.sh", "application/x-sh", "virus"),
        ("a.md", "text/markdown", "text"),
        ("a.mov", "", "video"),
        ("a.docx", "", "document"),
        ("a.html", "", "webpage"),
        ("a.exe", "", "virus"),
        ("no-suffix", "image/png", "image"),
        ("no-suffix", "text/html; charset=utf-8", "webpage"),
        ("no-suffix", "application/octet-stream", None),
        ("folder.jpg/file", "", None),
        ("", "", None),
    ],
)
def test_the_kind_follows_the_name_then_the_type(pipelines, key, kind, expected):
    audit = pipelines(FULL.replace("      kinds: [image, virus]\n", "")).entries[0].audit
    assert named(audit, key, kind) == ((expected,) if expected else ())
