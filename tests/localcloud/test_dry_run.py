"""`localcloud validate --dry-run`: the very requests that an upload causes, and none is sent."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

import shared.session
from localcloud.dry_run.run import MAX_WOKEN
from localcloud.events import cos_event
from localcloud.scf import serverless as serverless_file

ROOT = Path(__file__).parents[2]
PIPELINES = """\
version: 1
watermarks:
  owner: {text: mine}
pipelines:
  photos:
    advanced_compression: true
    when: {prefix: uploads/}
    outputs:
      page: {widths: [10, 20, 30], formats: [webp, jpg], fileid: "/out/{etag}/{output}.{ext}"}
      auto: {format: auto, watermark: owner, fileid: "/out/{name}.{ext}"}
  avatars:
    when: {prefix: avatars/, size: {max: 1KB}}
    outputs:
      small: {widths: [9], fileid: "/small/{name}"}
"""
KEY = "uploads/旅行/a b+%.jpg"


@pytest.fixture
def project(tmp_path):
    """The project with its own pipelines.yml."""
    for name in ("functions", "shared"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "serverless.yml", tmp_path)
    (tmp_path / "pipelines.yml").write_text(PIPELINES, encoding="utf-8")
    return tmp_path


def validate(project, *arguments, stdin="", **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COS_")}
    return subprocess.run(
        [sys.executable, "-m", "localcloud", "validate", str(project), *arguments],
        cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, **environment},
    )  # fmt: skip


def dry_run(project, *arguments, **options):
    done = validate(project, "--dry-run", "--json", *arguments, **options)
    assert done.stderr == "", done.stderr
    assert done.returncode == 0
    return json.loads(done.stdout)["uploads"]


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photo.jpg"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(file, "JPEG")
    return file


def really_sent(cloud, bucket, project, photo, monkeypatch):
    """What the handler sends to the real local cloud, as its session hands it over."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIPELINES_FILE", str(project / "pipelines.yml"))
    spec = importlib.util.spec_from_file_location("dry", ROOT / "functions" / "image" / "index.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent, send = [], shared.session.Session.send

    def noting(session, request, **options):
        url = urlsplit(request.url)
        path = f"{url.path}?{url.query}".removesuffix("=") if url.query else url.path
        sent.append((request.method, url.netloc, path, headers_of(request.headers)))
        return send(session, request, **options)

    monkeypatch.setattr(shared.session.Session, "send", noting)
    body = photo.read_bytes()
    cloud.client().put_object(Bucket=bucket, Key=KEY, Body=body)
    event = cos_event(
        bucket=bucket, region=cloud.region, key=KEY, size=len(body),
        event_name="cos:ObjectCreated:Put", event_time=1764000000,
        meta={"Content-Type": "image/jpeg"},
    )  # fmt: skip
    context = {"request_id": "x", "time_limit_in_ms": 30000}
    [entry] = module.main_handler(event, context)["outcomes"]
    assert entry["outcome"] == "done", entry
    return sent


def headers_of(headers):
    """`Pic-Operations` as a document, and the content type; the SDK's session has them as bytes."""
    found = [headers.get(name) for name in ("Pic-Operations", "Content-Type")]
    operations, kind = (item.decode() if isinstance(item, bytes) else item for item in found)
    return (json.loads(operations) if isinstance(operations, str) else operations, kind)


def test_what_is_printed_is_what_is_sent(cloud, project, photo, monkeypatch):
    bucket = cloud.new_bucket()
    sent = really_sent(cloud, bucket, project, photo, monkeypatch)
    [upload] = dry_run(project, "--upload", f"{bucket}/{KEY}", "--file", str(photo))
    dispatch, function = upload["functions"]
    assert [item["headers"]["X-TC-Action"] for item in dispatch["requests"]] == ["Invoke"]
    printed = [
        (request["method"], request["host"], request["path"], headers_of(request["headers"]))
        for request in function["requests"]
    ]
    assert printed == sent
    methods = [(method, path.partition("?")[2]) for method, _, path, _ in printed]
    assert methods == [
        ("GET", "versioning"), ("PUT", ""), ("HEAD", ""),
        ("POST", "image_process"), ("POST", "image_process"),
        ("GET", "tagging"), ("PUT", "tagging"), ("PUT", ""), ("PUT", ""),
    ]  # fmt: skip
    assert [len(headers[0]["rules"]) for _, _, _, headers in printed[3:5]] == [5, 2]


def test_nothing_is_sent(cloud, project, photo, closed_port):
    """Neither to the cloud that the environment leads to, nor to anything else: none answers."""
    bucket = cloud.new_bucket()
    cloud.client().put_object(Bucket=bucket, Key="uploads/a.jpg", Body=photo.read_bytes())
    arguments = ("--upload", f"{bucket}/uploads/a.jpg")
    nowhere = f"http://127.0.0.1:{closed_port}"
    reachable = dry_run(project, *arguments, LOCALCLOUD_ENDPOINT=cloud.url, HTTP_PROXY=cloud.url,
                        http_proxy=cloud.url)  # fmt: skip
    unreachable = dry_run(project, *arguments, HTTP_PROXY=nowhere, http_proxy=nowhere)
    assert len(reachable[0]["functions"][1]["requests"]) == 9
    assert [item["path"] for item in reachable[0]["functions"][1]["requests"]] == [
        item["path"] for item in unreachable[0]["functions"][1]["requests"]
    ]
    listed = cloud.client().list_objects(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["uploads/a.jpg"]
    tags = cloud.client().get_object_tagging(Bucket=bucket, Key="uploads/a.jpg")["TagSet"]
    assert not tags


def test_pipelines_say_why_not(project):
    [upload] = dry_run(project, "--upload", "b-1250000000/avatars/x.png")
    assert [(item["name"], item["wants"]) for item in upload["pipelines"]] == [
        ("photos", False), ("avatars", True),
    ]  # fmt: skip
    assert upload["pipelines"][0]["refusal"] == "the key does not start with 'uploads/'"
    assert upload["functions"] == [], "the trigger of serverless.yml is for uploads/ only"


def test_the_text_has_a_block_for_each_request_and_no_secret(project):
    done = validate(project, "--dry-run", "--upload", "b-1250000000/uploads/a.gif",
                    "--region", "ap-tokyo")  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "pipelines.yml: 2 pipelines, 8 outputs",
        f"serverless.yml: {len(list((ROOT / 'functions').iterdir()))} functions, 4 triggers",
    ]
    assert "pipeline photos (image) wants it" in lines
    assert "pipeline avatars (image) does not want it: the key does not start with 'avatars/'" in (
        lines
    )
    assert "4. POST /uploads/a.gif?image_process" in lines
    assert lines.count("   Host: b-1250000000.cos.ap-tokyo.myqcloud.com") == 9
    assert '         "fileid": "/out/a.gif.webp",' in lines, "a GIF becomes WebP, not AVIF"
    assert "<Key>outcome</Key><Value>done</Value>" in done.stdout
    for secret in ("q-signature", "q-ak", "uthorization", "security-token", "AKID"):
        assert secret not in done.stdout


def test_events_from_files_and_from_a_pipe(project):
    event = (ROOT / "events" / "cos-several-records.json").read_text("utf-8")
    from_file = dry_run(project, "--event", "events/cos-several-records.json")
    assert [len(item["functions"]) for item in from_file] == [2] * len(json.loads(event)["Records"])
    piped = dry_run(project, "--event", "-", stdin=event)
    assert [item["key"] for item in piped] == [item["key"] for item in from_file]
    [deleted] = dry_run(project, "--event", "events/cos-delete.json")
    assert {item["refusal"] for item in deleted["pipelines"]} == {
        "cos:ObjectRemove:Delete is no upload"
    }


def test_metadata_of_the_event_reaches_the_blind_watermark(project):
    (project / "pipelines.yml").write_text(
        PIPELINES.replace(
            "format: auto, watermark: owner", 'blind_watermark: {text: "{meta.user}"}'
        ),
        encoding="utf-8",
    )
    event = cos_event(
        bucket="b-1250000000", region="ap-guangzhou", key="uploads/a.jpg", size=9,
        event_name="cos:ObjectCreated:Put", event_time=1764000000,
        meta={"x-cos-meta-User": "tencent cloud"},
    )  # fmt: skip
    [upload] = dry_run(project, "--event", "-", stdin=json.dumps(event))
    [last] = upload["functions"][1]["requests"][4]["headers"]["Pic-Operations"]["rules"][1:]
    assert last["rule"] == "imageMogr2/auto-orient|watermark/3/type/3/text/dGVuY2VudGNsb3Vk"
    del event["Records"][0]["cos"]["cosObject"]["meta"]["x-cos-meta-User"]
    done = validate(project, "--dry-run", "--event", "-", stdin=json.dumps(event))
    assert done.returncode == 1
    assert done.stderr.startswith("image: rejected: InvalidBlindWatermark: ")
    assert "image_process" not in done.stdout


def test_what_dispatch_would_invoke_is_run_too(project):
    """One invoke for each function, whatever the number of its pipelines, and what it then sends:
    a function that serverless.yml lacks is a dead letter."""
    (project / "pipelines.yml").write_text(
        PIPELINES.replace("prefix: avatars/", "prefix: uploads/")
        + "  copies:\n    when: {prefix: uploads/}\n    outputs:\n"
        '      small: {widths: [8], fileid: "/copies/{name}"}\n',
        encoding="utf-8",
    )
    arguments = ("--upload", "b-1250000000/uploads/a.jpg")
    done = validate(project, "--dry-run", *arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    action = lines.index("   X-TC-Action: Invoke")
    assert lines[action - 3 : action + 2] == [
        "1. POST /",
        "   Host: scf.tencentcloudapi.com",
        "   Content-Type: application/json",
        "   X-TC-Action: Invoke",
        '   {"FunctionName": "pipelines-dev-cos-pipelines-image", "InvocationType": "Event", '
        '"Namespace": "default"}',
    ]
    [upload] = dry_run(project, *arguments)
    assert [(item["function"], item["invoked_by"]) for item in upload["functions"]] == [
        ("dispatch", ""), ("image", "dispatch"),
    ]  # fmt: skip
    assert "/copies/a.jpg" in json.dumps(upload["functions"][1]["requests"])


def test_functions_that_wake_each_other_come_to_an_end(project):
    own_functions(project, dispatch=WAKER)
    [upload] = dry_run(project, "--upload", "b-1250000000/uploads/a.jpg")
    assert {item["function"] for item in upload["functions"]} == {"dispatch"}
    assert len(upload["functions"]) == MAX_WOKEN


@pytest.mark.parametrize(
    ("field", "line"), [("    function: elsewhere\n", 12), ("", 12)], ids=["named", "by default"]
)
def test_a_function_that_serverless_lacks_is_reported_with_its_line(project, field, line):
    text = PIPELINES.replace("  avatars:\n", f"  avatars:\n{field}")
    text = text.replace("    advanced_compression: true\n", "    function: dispatching\n")
    (project / "pipelines.yml").write_text(text, encoding="utf-8")
    serverless = (project / "serverless.yml").read_text("utf-8")
    own = serverless.replace("    image:\n", "    dispatching:\n")
    (project / "serverless.yml").write_text(own, encoding="utf-8")
    done = validate(project)
    assert done.returncode == 1
    name = "elsewhere" if field else "image"
    assert done.stderr == (
        f"pipelines.yml:{line}: pipelines.avatars.function is {name!r}: "
        f"serverless.yml has {', '.join(serverless_functions(project))}\n"
    )


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        ("audit", "5: pipelines.check.function is 'audit'"),
        ("callback", "8: pipelines.check.audit needs 'callback', which finishes its jobs"),
        ("dispatch", "8: pipelines.check.audit.gate needs 'dispatch', which hands on what it lets "
         "pass"),
    ],
)  # fmt: skip
def test_what_an_audit_needs_is_reported_with_its_line(project, lacking, sentence):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n\n  check:\n    when: {prefix: uploads/}\n\n    audit:\n"
        "      gate: true\n"
    )
    text = (project / "serverless.yml").read_text("utf-8")
    assert validate(project).returncode == 0
    renamed = text.replace(f"    {lacking}:\n", "    other:\n")
    renamed = renamed.replace(f"function: {lacking}\n", "function: other\n")
    (project / "serverless.yml").write_text(renamed, "utf-8")
    done = validate(project)
    assert done.returncode == 1
    assert done.stderr.startswith(f"pipelines.yml:{sentence}: serverless.yml has ")


def test_a_gate_that_nothing_opens_is_reported(project):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n    audit: {gate: true}\n"
    )
    text = (project / "serverless.yml").read_text("utf-8")
    text = text.replace("      function: dispatch\n", "      function: image\n")
    (project / "serverless.yml").write_text(text, "utf-8")
    done = validate(project)
    assert done.returncode == 1
    assert done.stderr == (
        "pipelines.yml:5: pipelines.check.audit.gate is never opened: no trigger wakes 'dispatch' "
        "or 'audit'; those of serverless.yml wake image\n"
    )


def test_a_webhook_without_its_secret_is_reported(project):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n"
        "    audit: {notify: 'https://example.com/hook', on: {block: [notify]}}\n"
    )
    done = validate(project)
    assert done.returncode == 1
    assert done.stderr == "".join(
        "pipelines.yml:5: pipelines.check.audit.notify needs NOTIFY_SECRET in the environment of "
        f"{name!r}\n"
        for name in ("audit", "callback")
    )


def serverless_functions(project):
    return serverless_file.load(project).functions


def own_functions(project, **sources):
    """Functions of the test's own in the place of the project's; the others do nothing."""
    (project / "functions").unlink()
    nothing = {path.name: "def main_handler(event, context): pass\n"
               for path in (ROOT / "functions").iterdir()}  # fmt: skip
    for name, source in {**nothing, **sources}.items():
        (project / "functions" / name).mkdir(parents=True)
        (project / "functions" / name / "index.py").write_text(source)


WAKER = """\
from shared.scf import Scf
from shared.settings import Settings

def main_handler(event, context):
    Scf(Settings.load(), "ap-guangzhou", "pipelines-dev-cos-pipelines-").invoke("dispatch", event)
"""
READER = """\
from shared.cos import Cos
from shared.settings import Settings

def main_handler(event, context):
    cos = Cos(Settings.load(), "ap-guangzhou")
    cos.lifecycle_rules("b-1250000000")
"""


def test_a_request_that_cannot_be_answered_is_shown_and_fails(project):
    own_functions(project, dispatch=READER, image=READER)
    done = validate(project, "--dry-run")
    assert done.returncode == 1
    assert ": 1 request\n\n1. GET /?lifecycle\n" in done.stdout
    assert "a dry run has no answer to GET" in done.stderr
    assert "Traceback" not in done.stdout


def test_a_hostile_key_stays_in_its_line(project):
    event = cos_event(
        bucket="b-1250000000", region="ap-guangzhou", key="uploads/\x1b[2J\n1. PUT /x\u202e.jpg",
        size=9, event_name="cos:ObjectCreated:Put", event_time=1764000000,
    )  # fmt: skip
    done = validate(project, "--dry-run", "--event", "-", stdin=json.dumps(event))
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stdout)
    assert "1. PUT /x" not in done.stdout.splitlines()


def test_a_wrong_file_is_reported_and_nothing_is_run(project):
    (project / "pipelines.yml").write_text(PIPELINES.replace("[10, 20, 30]", "[0]"))
    done = validate(project, "--dry-run", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "pipelines.yml:9: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json"], "--json belongs to --dry-run"),
        (["--upload", "b-1250000000/x"], "--upload belongs to --dry-run"),
        (["--dry-run", "--upload", "x.jpg"], "--upload is 'x.jpg': name-appid/key is expected"),
        (["--dry-run", "--upload", "b-1250000000/"], "name-appid/key is expected"),
        (["--dry-run", "--file", "README.md"], "--upload BUCKET/KEY is missing"),
        (["--dry-run", "--upload", "b-1/x", "--file", "none"], "--file none: No such file"),
        (["--dry-run", "--upload", "b-1/x", "--event", "-"], "leave them out"),
        (["--dry-run", "--event", "none.json"], "none.json: No such file or directory"),
        (["--dry-run", "--event", "events/malformed-no-key.json"], "the event: Records[0]"),
        (["--dry-run", "--upload", "b-1250000000/x", "--region", "x y"], "the event: Records[0]"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(project, arguments, said):
    done = validate(project, *arguments)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_no_picture_is_read_for_its_size(project):
    [upload] = dry_run(project, "--upload", "b-1250000000/uploads/x", "--file", "README.md")
    assert upload["size"] == (ROOT / "README.md").stat().st_size


@pytest.mark.parametrize(
    ("name", "size", "path"),
    [
        ("a.jpg", 700, "/uploads/a.jpg?ci-process=sensitive-content-recognition"),
        ("a.txt", 700, "/text/auditing"),
        ("a.mp4", 700, "/video/auditing"),
        ("a.zip", 700, "/virus/detect"),
    ],
)
def test_an_audit_shows_its_request(project, tmp_path, name, size, path):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n    audit: {}\n"
    )
    (tmp_path / name).write_bytes(b"x" * size)
    [upload] = dry_run(
        project, "--upload", f"b-1250000000/uploads/{name}", "--file", str(tmp_path / name)
    )
    [_, audit] = upload["functions"]
    assert audit["function"] == "audit"
    assert any(path.split("?")[0] in json.dumps(each) for each in audit["requests"])


@pytest.mark.parametrize(("name", "host"), [("a.jpg", "ims"), ("a.txt", "tms")])
def test_moderation_shows_its_request_and_passes(project, tmp_path, name, host):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n"
        "    audit: {provider: api3}\n"
    )
    (tmp_path / name).write_bytes(b"x" * 700)
    [upload] = dry_run(
        project, "--upload", f"b-1250000000/uploads/{name}", "--file", str(tmp_path / name)
    )
    [_, audit] = upload["functions"]
    [asked] = [each for each in audit["requests"] if each["host"].startswith(f"{host}.")]
    assert asked["method"] == "POST"
    assert "<Value>pass</Value>" in json.dumps(audit["requests"])


def test_an_audit_sees_what_the_file_is(project, tmp_path):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n    audit: {}\n"
    )
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(700))
    [upload] = dry_run(
        project, "--upload", "b-1250000000/uploads/a.txt", "--file", str(tmp_path / "a.txt")
    )
    asked = json.dumps(upload["functions"][1]["requests"])
    assert "ci-process=sensitive-content-recognition" in asked
    assert "/text/auditing" not in asked


def test_what_a_gate_lets_pass_is_shown_to_the_end(project):
    """The audit's record, the second dispatch, and the function that waited."""
    text = (project / "pipelines.yml").read_text("utf-8")
    gate = "  check:\n    when: {prefix: uploads/}\n    audit: {gate: true}\n"
    (project / "pipelines.yml").write_text(text + gate, "utf-8")
    done = validate(project, "--dry-run", "--upload", "b-1250000000/uploads/photo.jpg")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "(image) wants it, when check has let it pass" in said
    order = [said.index(each) for each in ("dispatch invokes audit", "audit invokes dispatch",
                                           "dispatch invokes image")]  # fmt: skip
    assert order == sorted(order)
    assert "image_process" in said[order[2] :]


def test_no_signature_of_an_address_is_shown(project):
    (project / "pipelines.yml").write_text(
        "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n"
        "    audit: {provider: api3}\n"
    )
    done = validate(project, "--dry-run", "--upload", "b-1250000000/uploads/photo.jpg")
    assert "uploads/photo.jpg?..." in done.stdout
    assert "q-signature" not in done.stdout
