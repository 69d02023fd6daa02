"""pipelines.yml: matching, and every mistake reported with its line."""

import pytest

from shared.errors import ConfigError
from shared.events import Upload
from shared.pipelines import COMPILED_NAME, When, compiled, load
from shared.settings import DEFAULT_PIPELINES

GOOD = """\
version: 1
pipelines:
  photos:
    when: {prefix: uploads/, suffix: [.jpg, .PNG], size: {min: 1, max: 32MB}}
    outputs:
      small: {rule: imageMogr2/thumbnail/!50p, fileid: "/out/{key}"}
"""


def written(tmp_path, text):
    path = tmp_path / "pipelines.yml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    return caught.value.problems


def upload(**changes):
    fields = {"bucket": "b-1250000000", "region": "ap-guangzhou", "key": "uploads/a.jpg",
              "size": 100, "event_name": "cos:ObjectCreated:Put"}  # fmt: skip
    return Upload(**{**fields, **changes})


def test_the_projects_own_file_is_right():
    assert [pipeline.name for pipeline in load(DEFAULT_PIPELINES).entries] == ["photos"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"key": "uploads/A.JPG"}, True),
        ({"key": "uploads/a.png"}, True),
        ({"key": "uploads/a.gif"}, False),
        ({"key": "other/a.jpg"}, False),
        ({"size": 0}, False),
        ({"size": 1}, True),
        ({"size": 32 * 1024**2}, True),
        ({"size": 32 * 1024**2 + 1}, False),
        ({"size": None}, True),
        ({"event_name": "cos:ObjectCreated:CompleteMultipartUpload"}, True),
        ({"event_name": "cos:ObjectCreated:*"}, True),
        ({"event_name": "cos:ObjectRemove:Delete"}, False),
    ],
)
def test_when(tmp_path, changes, wanted):
    assert bool(load(written(tmp_path, GOOD)).match(upload(**changes))) is wanted


@pytest.mark.parametrize(
    ("condition", "changes", "wanted"),
    [
        ("content_type: [image/*]", {"content_type": "image/png"}, True),
        ("content_type: [image/*]", {"content_type": "IMAGE/PNG; x=1"}, True),
        ("content_type: [image/*]", {"content_type": "text/plain"}, False),
        ("content_type: image/jpeg", {"content_type": ""}, True),
        ("content_type: image/jpeg", {"content_type": "application/octet-stream"}, True),
        ("content_type: image/jpeg", {"key": "uploads/x.bin", "content_type": ""}, False),
        ("bucket: b-1250000000", {}, True),
        ("bucket: c-1250000000", {}, False),
        ("events: cos:ObjectCreated:Copy", {}, False),
        ("events: [cos:ObjectCreated:Copy, cos:ObjectCreated:Put]", {}, True),
        ("events: cos:ObjectCreated:Copy", {"event_name": "cos:ObjectCreated:*"}, True),
        ("size: {max: 50}", {}, False),
        ("size: {min: 1KB}", {}, False),
        ("size: {min: 100, max: 100 b}", {}, True),
    ],
)
def test_other_conditions(tmp_path, condition, changes, wanted):
    text = change("suffix: [.jpg, .PNG], size: {min: 1, max: 32MB}", condition)
    assert bool(load(written(tmp_path, text)).match(upload(**changes))) is wanted


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        (When(prefix="x/"), "the key does not start with 'x/'"),
        (When(suffix=(".gif", ".png")), "the key ends in none of .gif, .png"),
        (When(bucket=("c-1250000000",)), "the bucket is none of c-1250000000"),
        (When(events=("cos:ObjectCreated:Copy",)), "the event is none of cos:ObjectCreated:Copy"),
        (When(min_size=1024), "100 bytes are below 1024"),
        (When(max_size=50), "100 bytes are above 50"),
        (When(content_type=("video/*", "a/b")), "the content type is none of video/*, a/b"),
        (When(prefix="uploads/", content_type=("image/*",)), ""),
    ],
)
def test_why_an_upload_is_not_wanted(when, sentence):
    assert when.refusal(upload()) == sentence


def change(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


MISTAKES = [
    ("", 1, "empty"),
    ("[", 2, "not YAML"),
    ("a: b: c", 1, "not YAML"),
    ("\tx: 1", 1, "not YAML"),
    ("- 1", 1, "a mapping is expected"),
    ("version: 1", 1, "pipelines is missing"),
    (change("version: 1", "version: 2"), 1, "1 is the only version"),
    (change("version: 1", "verison: 1"), 1, "verison is unknown: allowed are version, watermarks"),
    (change("photos:", "pho tos:"), 4, "pipeline name"),
    (GOOD + "  photos: {}\n", 7, "stands twice"),
    (change("when:", "if:"), 4, "if is unknown: allowed are description, function, when"),
    (change("prefix: uploads/", "prefix: /uploads/"), 4, "no leading slash"),
    (change("max: 32MB", "max: big"), 4, "a size such as 500KB"),
    (change("min: 1", "min: 64MB"), 4, "above max"),
    (change("prefix: uploads/", "bucket: Photos"), 4, "name-appid"),
    (change("prefix: uploads/", "prefix: uploads/, events: created"), 4, "cos:ObjectCreated:Put"),
    (change("rule: imageMogr2/thumbnail/!50p", "rule: imageMogr2/rotate/361"), 6, "rotate"),
    (change("rule: imageMogr2/thumbnail/!50p", "rule: imageInfo"), 6, "only reads information"),
    (change("rule: imageMogr2/thumbnail/!50p", "rule: ''"), 6, "rule"),
    (change("rule: imageMogr2/thumbnail/!50p", "rule: imagemagick/x"), 6, "imageMogr2"),
    (change("rule: imageMogr2/thumbnail/!50p, ", ""), 6, "rule is missing"),
    (change('"/out/{key}"', "/out/"), 6, "must not end with '/'"),
    (change('"/out/{key}"', '"/out/{user}"'), 6, "{user} is no placeholder"),
    (change('"/out/{key}"', '"/out/{key}", bucket: x'), 6, "name-appid"),
    (change('"/out/{key}"', '"/out/{key}", size: 3'), 6, "allowed are rule, widths, format"),
    (change("small:", "record:"), 6, "output name"),
    (GOOD + '      more: {rule: imageMogr2/strip, fileid: "/out/{key}"}\n', 7, "that of small"),
    (GOOD + "    function: dispatch\n", 7, "it hands uploads on"),
    (GOOD + "    function: no name\n", 7, "the key of a function in serverless.yml"),
    (GOOD + "    tags: maybe\n", 7, "true or false"),
    (GOOD + "    record: /records/\n", 7, "must not end"),
    (GOOD.replace("      small: {", "      x: &a {").replace("0p,", "0p,") + "    tags: *a\n", 7,
     "aliases are not allowed"),
    ("x" * 300_000, 1, "bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "sentence"), MISTAKES)
def test_mistakes_have_line_and_remedy(tmp_path, text, line, sentence):
    found = problems(tmp_path, text)
    assert any(p.startswith(f"pipelines.yml:{line}: ") and sentence in p for p in found), found


def test_a_rule_that_only_the_service_knows_is_left_to_it(tmp_path):
    text = change("imageMogr2/thumbnail/!50p", "imageMogr2/scrop/100x600")
    assert load(written(tmp_path, text)).entries[0].outputs[0].rule == "imageMogr2/scrop/100x600"


def test_all_problems_are_reported_at_once_in_order(tmp_path):
    text = change("version: 1", "version: 9").replace("!50p", "!0p").replace("uploads/,", "/u,")
    lines = [int(problem.split(":")[1]) for problem in problems(tmp_path, text)]
    assert lines == [1, 4, 6]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"pipelines\.yml:1: cannot be read"):
        load(tmp_path / "pipelines.yml")


def test_a_changed_file_is_read_again(tmp_path):
    path = written(tmp_path, GOOD)
    assert load(path).entries[0].name == "photos"
    written(tmp_path, GOOD.replace("photos", "pictures"))
    assert load(path).entries[0].name == "pictures"


LOOPS = [
    # when of the pipeline, fileid of its output, is it a loop?
    ("prefix: uploads/", "/out/{key}", False),
    ("prefix: uploads/", "/uploads/small/{name}", True),
    ("prefix: uploads/", "/{key}.webp", True),
    ("prefix: uploads/", "small.webp", True),
    ("prefix: uploads/", "/{dir}/x", True),
    ("prefix: uploads/, suffix: .jpg", "/{key}.webp", False),
    ("prefix: uploads/, suffix: .jpg", "/uploads/{stem}_small.jpg", True),
    ("prefix: uploads/, suffix: .jpg", "/uploads/{stem}_small.{ext}", True),
    ("prefix: uploads/, suffix: .jpg", "/uploads/{stem}_small.JPG", True),
    ("prefix: uploads/, suffix: .jpg", "{stem}.webp", False),
    ("prefix: uploads/, suffix: [.jpg, .webp]", "{stem}.webp", True),
    ("prefix: up, suffix: .jpg", "/uploads-out/{name}", True),
    ("prefix: uploads/, suffix: _small.jpg", "/uploads/{stem}", True),
    ("suffix: .jpg", "/out/{name}", True),
    ("suffix: .jpg", "/out/{stem}.png", False),
    ("prefix: uploads/, events: cos:ObjectCreated:CompleteMultipartUpload", "/{key}.x", False),
    ("prefix: uploads/, bucket: b-1250000000", "/{key}.x", True),
]


def loop_file(when, fileid, extra=""):
    return f"""\
version: 1
pipelines:
  photos:
    when: {{{when}}}
    record: /records/{{stem}}.json
    outputs:
      small:
        rule: imageMogr2/thumbnail/!50p
        fileid: "{fileid}"
{extra}"""


@pytest.mark.parametrize(("when", "fileid", "is_loop"), LOOPS)
def test_loops(tmp_path, when, fileid, is_loop):
    text = loop_file(when, fileid)
    if not is_loop:
        load(written(tmp_path, text))
        return
    [problem] = problems(tmp_path, text)
    assert problem.startswith("pipelines.yml:9: ")
    assert "would trigger the pipeline photos" in problem


def test_a_record_can_loop_too(tmp_path):
    text = loop_file("prefix: uploads/", "/out/{key}").replace("/records/", "/uploads/records/")
    [problem] = problems(tmp_path, text)
    assert problem.startswith("pipelines.yml:5: ")
    assert "the record" in problem


@pytest.mark.parametrize(
    ("bucket", "is_loop"), [("other-1250000000", False), ("b-1250000000", True)]
)
def test_another_bucket_breaks_a_loop(tmp_path, bucket, is_loop):
    text = loop_file(
        "prefix: uploads/, bucket: b-1250000000", "/{key}.x", f"        bucket: {bucket}\n"
    )
    if is_loop:
        assert "loop" in problems(tmp_path, text)[0]
    else:
        load(written(tmp_path, text))


SECOND = """\
  second:
    when: {{prefix: middle/}}
    outputs: {{x: {{rule: imageMogr2/strip, fileid: "/{place}/{{name}}"}}}}
"""


def test_a_chain_is_fine_and_a_round_trip_is_not(tmp_path):
    chain = loop_file("prefix: uploads/", "/middle/{name}", SECOND.format(place="end"))
    assert len(load(written(tmp_path, chain)).entries) == 2
    circle = loop_file("prefix: uploads/", "/middle/{name}", SECOND.format(place="uploads"))
    found = problems(tmp_path, circle)
    assert len(found) == 2
    assert "pipelines.photos: the output small" in found[0]
    assert "pipelines.second: the output x" in found[1]


def test_an_alias_bomb_is_refused_at_once(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "aliases" in problems(tmp_path, "\n".join(lines))[0]


def test_a_compiled_file_loads_to_the_same_pipelines(tmp_path):
    path = written(tmp_path, GOOD)
    checked = load(path)
    (tmp_path / COMPILED_NAME).write_text(compiled(path), encoding="utf-8")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("pipelines.yml", COMPILED_NAME):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    assert load(copy / "pipelines.yml") == checked


def test_a_compiled_file_of_another_version_is_ignored(tmp_path):
    path = written(tmp_path, GOOD)
    (tmp_path / COMPILED_NAME).write_text(compiled(path), encoding="utf-8")
    written(tmp_path, GOOD.replace("photos", "pictures"))
    assert load(path).entries[0].name == "pictures"
    written(tmp_path, GOOD.replace("!50p", "!0p"))
    with pytest.raises(ConfigError):
        load(path)
