"""serverless.yml: what is read, what is inherited, and what is refused where."""

from pathlib import Path

import pytest

from localcloud.scf.serverless import load
from shared.errors import ConfigError

ROOT = Path(__file__).parents[3]
GOOD = """\
app: shop
stage: prod
name: demo
component: multi-scf
inputs:
  src: {src: ./, exclude: [.env]}
  region: ${env:COS_REGION}
  runtime: Python3.10
  memorySize: 256
  timeout: 20
  environments:
    - {key: SHARED, value: from-inputs}
  functions:
    image:
      src: ./code
      handler: index.main_handler
      timeout: 60
    audit:
      src: ./code
      handler: other.run
      name: my-audit
      memorySize: 64
      environments:
        - {key: OWN, value: "${app}-${stage}-${env:COS_BUCKET}"}
  triggers:
    - type: cos
      function: image
      parameters:
        name: uploads
        bucket: ${env:COS_BUCKET}
        filter: {prefix: uploads/, suffix: .jpg}
        events: cos:ObjectCreated:*
        enable: true
    - type: timer
      function: audit
      parameters: {name: every, cronExpression: '0 */5 * * * * *', enable: true}
    - type: mps
      function: audit
      parameters: {type: EditMediaTask, enable: true}
"""
VARIABLES = {"COS_BUCKET": "examplebucket-1250000000", "COS_REGION": "ap-shanghai"}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code").mkdir()

    def read(text):
        (tmp_path / "serverless.yml").write_text(text, "utf-8")
        return load(tmp_path, VARIABLES)

    return read


def test_functions_inherit_from_inputs_and_replace_whole_fields(project):
    found = project(GOOD)
    image, audit = found.functions["image"], found.functions["audit"]
    assert found.region == "ap-shanghai"
    assert (image.name, image.memory, image.timeout) == ("demo-prod-shop-image", 256, 60)
    assert image.environment == (("SHARED", "from-inputs"),)
    assert (audit.name, audit.memory, audit.timeout) == ("my-audit", 64, 20)
    assert audit.environment == (("OWN", "shop-prod-examplebucket-1250000000"),)
    assert found.function("my-audit") is audit
    assert found.function("nothing") is None


def test_cos_triggers_are_bound_and_the_others_named(project):
    found = project(GOOD)
    assert [str(trigger) for trigger in found.triggers] == [
        "image <- examplebucket-1250000000/uploads/*.jpg cos:ObjectCreated:*"
    ]
    assert [str(timer) for timer in found.timers] == ["audit <- timer 0 */5 * * * * *"]
    assert found.unplayed == ("serverless.yml:37: trigger of type mps",)


def test_the_older_environment_form_is_read(project):
    text = GOOD.replace(
        "environments:\n    - {key: SHARED, value: from-inputs}",
        "environment: {variables: {OLD: form}}",
    )
    assert project(text).functions["image"].environment == (("OLD", "form"),)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("component: multi-scf", "component: scf", 4, "component is 'scf': multi-scf is expected"),
        ("Python3.10", "Python3.12", 8, "runtime is 'Python3.12': Python3.10 or Python3.9"),
        ("memorySize: 256", "memorySize: 200", 9, "is '200': 64 or 128 to 3072 in steps of 128"),
        ("timeout: 60", "timeout: 901", 17, "timeout is '901': 1 to 900 seconds"),
        ("timeout: 60", "timout: 60", 17, "timout is unknown: allowed are"),
        ("timeout: 60", "timeout: 60\n      timeout: 61", 18, "stands twice"),
        ("src: ./code", "src: ./gone", 15, "src is './gone': there is no such folder"),
        ("src: ./code", "src: ../..", 15, "a folder inside the project is expected"),
        ("index.main_handler", "main_handler", 16, "file.function (index.main_handler)"),
        ("      handler: other.run\n", "", 19, "audit.handler is missing"),
        ("key: OWN", "key: SCF_OWN", 24, "belong to the service"),
        ("key: OWN", "key: 1OWN", 24, "is '1OWN'"),
        ("function: image", "function: imgae", 27, "is 'imgae': one of audit, image"),
        ("cos:ObjectCreated:*", "cos:Created", 32, "is 'cos:Created': one of"),
        ("prefix: uploads/", "prefix: [a]", 31, "text is expected"),
        ("enable: true\n    - type: timer", "enable: yes\n    - type: timer", 33, "true or false"),
        ("type: timer", "type: cron", 34, "is 'cron': one of apigw, ckafka"),
        ("${app}-${stage}", "${apps}", 24, "${env:NAME}, ${stage} or ${app} is expected"),
        ("${env:COS_REGION}", "${env:NOT_SET_ANYWHERE}", 7, "NOT_SET_ANYWHERE is not set"),
        ("${env:COS_REGION}", "${env:X, ap-tokyo}", 7, "the deploying tool knows no default"),
        ("memorySize: 256", "memorySize: &a 256\n  x: *a", 10, "aliases are not allowed"),
        ("inputs:", "inputs: [", 7, "not YAML"),
    ],
)
def test_each_problem_has_its_line_field_value_and_what_is_allowed(project, old, new, line, said):
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        project(GOOD.replace(old, new, 1))
    assert any(
        problem.startswith(f"serverless.yml:{line}:") and said in problem
        for problem in caught.value.problems
    ), str(caught.value)


def test_all_problems_are_reported_at_once(project):
    text = GOOD.replace("timeout: 60", "timeout: 0").replace("memorySize: 64", "memorySize: 63")
    with pytest.raises(ConfigError) as caught:
        project(text)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("prefix", "suffix", "events", "refused"),
    [
        ("uploads/", ".jpg", "cos:ObjectCreated:Put", True),
        ("uploads/2026/", "jpg", "cos:ObjectCreated:*", True),
        ("", "", "cos:ObjectCreated:Copy", True),
        ("uploads/", ".png", "cos:ObjectCreated:*", False),
        ("other/", ".jpg", "cos:ObjectCreated:*", False),
        ("uploads/", ".jpg", "cos:ObjectRemove:*", False),
    ],
)
def test_rules_that_cos_would_refuse_as_overlapping(project, prefix, suffix, events, refused):
    text = GOOD + (
        "    - type: cos\n      function: audit\n      parameters:\n        name: second\n"
        "        bucket: ${env:COS_BUCKET}\n"
        f"        filter: {{prefix: '{prefix}', suffix: '{suffix}'}}\n"
        f"        events: {events}\n        enable: true\n"
    )
    if refused:
        with pytest.raises(ConfigError, match="'second' overlaps trigger 'uploads' of line"):
            project(text)
    else:
        assert len(project(text).triggers) == 2


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "text", "inputs: text", "component: multi-scf\ninputs: {functions: []}",
     "component: multi-scf\ninputs: {functions: {a: text}, triggers: {}}", "a: " + "[" * 2000,
     "\0", "x" * 300_000],
)  # fmt: skip
def test_anything_else_is_refused_with_a_line_not_a_trace(project, text):
    with pytest.raises(ConfigError, match=r"^serverless\.yml:\d+: "):
        project(text)


def test_folders_may_be_links(project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    found = project(GOOD.replace("src: ./code", "src: ./linked", 1))
    assert found.functions["image"].code == tmp_path / "elsewhere"


def test_no_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"serverless.yml:1: cannot be read: No such file"):
        load(tmp_path)


def test_the_projects_own_file_is_right():
    found = load(ROOT)
    assert set(found.functions) >= {"image"}
    assert [trigger.prefix for trigger in found.triggers] == ["uploads/"]


def with_triggers(*rules):
    """GOOD with more triggers: (function, bucket, prefix, suffix, events) each."""
    text = GOOD
    for function, bucket, prefix, suffix, events in rules:
        text += (
            f"    - type: cos\n      function: {function}\n      parameters:\n"
            f"        name: {function}-{prefix}\n        bucket: {bucket}\n"
            f"        filter: {{prefix: '{prefix}', suffix: '{suffix}'}}\n"
            f"        events: {events}\n        enable: true\n"
        )
    return text


CREATED = "cos:ObjectCreated:*"
BUCKET = "examplebucket-1250000000"


def refusals(project, text):
    with pytest.raises(ConfigError) as caught:
        project(text)
    return caught.value.problems


def test_ten_rules_are_the_most_for_a_bucket_whoever_spells_its_name(project):
    rules = [("audit", BUCKET if n % 2 else "examplebucket", f"{n}/", "", CREATED)
             for n in range(5)]  # fmt: skip
    rules += [("image", BUCKET, f"more-{n}/", "", CREATED) for n in range(5)]
    assert len(project(with_triggers(*rules[:9])).triggers) == 10
    [problem] = refusals(project, with_triggers(*rules))
    line = 1 + with_triggers(*rules).splitlines().index("        name: image-more-4/")
    assert problem == (
        f"serverless.yml:{line}: trigger 'image-more-4/' is number 11 of the bucket {BUCKET}: "
        "COS accepts 10"
    )


def test_ten_triggers_are_the_most_for_a_function(project):
    rules = [("image", f"b{n}-1250000000", "", "", CREATED) for n in range(10)]
    assert len(project(with_triggers(*rules[:9])).triggers) == 10
    [problem] = refusals(project, with_triggers(*rules))
    assert "is number 11 of the function image: COS accepts 10" in problem


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("cos:ObjectCreated:*", "cos:ObjectCreated:Put", True),
        ("cos:ObjectCreated:Put", "cos:ObjectCreated:*", True),
        ("cos:ObjectCreated:Put", "cos:ObjectCreated:Put", True),
        ("cos:ObjectCreated:Put", "cos:ObjectCreated:Post", False),
        ("cos:ObjectRemove:*", "cos:ObjectRestore:*", False),
    ],
)
def test_event_types_that_overlap(project, first, second, refused):
    text = with_triggers(
        ("audit", BUCKET, "x/", ".gif", first), ("audit", BUCKET, "x/y/", "", second)
    )
    if refused:
        [problem] = refusals(project, text)
        assert "trigger 'audit-x/y/' overlaps trigger 'audit-x/' of line " in problem
    else:
        assert len(project(text).triggers) == 3


def test_a_bucket_of_another_region_cannot_wake_a_function(project):
    here = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
    assert project(with_triggers(("audit", here, "x/", "", CREATED))).triggers[1].bucket == BUCKET
    there = f"{BUCKET}.cos.ap-tokyo.myqcloud.com"
    [problem] = refusals(project, with_triggers(("audit", there, "x/", "", CREATED)))
    line = 1 + with_triggers(("audit", there, "x/", "", CREATED)).splitlines().index(
        f"        bucket: {there}"
    )
    assert problem.startswith(f"serverless.yml:{line}: ")
    assert "is in ap-tokyo: the functions are in ap-shanghai" in problem


def test_a_function_with_a_trigger_of_its_own_beside_dispatch_works_twice(project):
    text = with_triggers(("dispatch", BUCKET, "uploads/2026/", "", CREATED)).replace(
        "    audit:\n", "    dispatch: {src: ./code, handler: index.run}\n    audit:\n"
    )
    [problem] = refusals(project, text)
    assert "'dispatch-uploads/2026/' overlaps trigger 'uploads' of line" in problem
    assert problem.endswith(
        "and image would get the same uploads twice, from its own trigger and from dispatch"
    )
    apart = text.replace("uploads/2026/", "elsewhere/")
    assert len(project(apart).triggers) == 2
