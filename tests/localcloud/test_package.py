"""`localcloud package`: the zip files, and the handler loaded from them as SCF would."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from localcloud.cli import main
from localcloud.packaging import PackageError, build_function, build_layer
from localcloud.scf.serverless import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The zip files of this project, built once for each worker."""
    out = tmp_path_factory.mktemp("build")
    project = load(ROOT)
    layer = build_layer(ROOT, out / "layer.zip")
    image = build_function(project.functions["image"], out / "image.zip")
    return layer, image


def names(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def python310():
    """Python 3.10, SCF's, where there is one; else the one that runs the tests."""
    installed = Path.home().glob(".pyenv/versions/3.10*/bin/python3.10")
    candidates = [shutil.which("python3.10"), *installed]
    for candidate in filter(None, candidates):
        done = subprocess.run(
            [str(candidate), "--version"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and "3.10" in done.stdout:
            return str(candidate)
    return sys.executable


def test_the_layer_holds_what_is_deployed_and_nothing_else(built):
    found = names(built[0].path)
    assert {"shared/__init__.py", "shared/rules/__init__.py", "pipelines.yml"} <= set(found)
    assert {"qcloud_cos/__init__.py", "yaml/__init__.py", "crcmod/_crcfunpy.py"} <= set(found)
    assert "tencentcloud/common/common_client.py" in found
    assert not [name for name in found if name.startswith("tencentcloud/scf/")]
    tops = {name.partition("/")[0] for name in found}
    assert not tops & {"localcloud", "functions", "tests", "PIL", "aiohttp", "pip"}
    assert not [name for name in found if "__pycache__" in name or name.endswith(".pyc")]


def test_compiled_parts_are_for_scfs_platform(built):
    compiled = [name for name in names(built[0].path) if name.endswith(".so")]
    assert compiled
    assert all("cpython-310-x86_64" in name or ".abi3." in name for name in compiled)


def test_a_functions_zip_has_its_entry_at_the_root(built):
    assert "index.py" in names(built[1].path)


def test_the_same_sources_give_the_same_bytes(built, tmp_path):
    again = build_layer(ROOT, tmp_path / "layer.zip")
    assert again.path.read_bytes() == built[0].path.read_bytes()


def test_the_handler_loads_and_answers_from_the_zips(built, tmp_path):
    """In a process that sees /var/user and /opt and nothing of the source tree."""
    code, layer = tmp_path / "user", tmp_path / "opt"
    for package, folder in zip((built[1], built[0]), (code, layer), strict=True):
        with zipfile.ZipFile(package.path) as archive:
            archive.extractall(folder)
    program = (
        "import json, sys\n"
        f"sys.path[:0] = [{str(code)!r}, {str(layer)!r}]\n"
        "import index, shared, qcloud_cos, yaml\n"
        "try: answer = index.main_handler(json.load(sys.stdin), {'request_id': 'r-1',"
        " 'time_limit_in_ms': 3000})\n"
        "except Exception as error: answer = f'{type(error).__name__}: {error}'\n"
        "print(json.dumps([answer, [m.__file__ for m in (index, shared, qcloud_cos, yaml)]]))\n"
    )
    done = subprocess.run(
        [python310(), "-I", "-S", "-B", "-c", program],
        input=(ROOT / "events" / "malformed-no-object.json").read_text(),
        env={"TENCENTCLOUD_SECRETID": "AKIDx", "TENCENTCLOUD_SECRETKEY": "y",
             "TENCENTCLOUD_REGION": "ap-guangzhou"},
        cwd=code, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer, files = json.loads(done.stdout.splitlines()[-1])
    assert all(file.startswith(str(tmp_path)) for file in files)
    assert "cosObject is missing" in json.dumps(answer) + done.stdout + done.stderr


def test_sizes_are_printed(built, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("localcloud.commands.package.build_layer", lambda *_: built[0])
    assert main(["package", "--project", str(ROOT), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(
        f"{built[0].path}  {built[0].size:,} bytes ({built[0].files} files"
    )
    names = [line.partition("  ")[0] for line in printed[1:]]
    functions = ("dispatch", "image", "audit", "sweep", "backfill", "callback")
    assert names == [str(tmp_path / f"{name}.zip") for name in functions]


def function_project(tmp_path, files):
    (tmp_path / "serverless.yml").write_text(
        "component: multi-scf\nname: n\napp: a\ninputs:\n  runtime: Python3.10\n  functions:\n"
        "    f: {src: ./f, handler: index.main_handler}\n"
    )
    for name, text in files.items():
        path = tmp_path / "f" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = load(tmp_path)
    return lambda: build_function(project.functions["f"], tmp_path / "f.zip")


def test_caches_tests_and_hidden_files_stay_out(tmp_path):
    build = function_project(
        tmp_path,
        {"index.py": "", "data/x.json": "{}", "__pycache__/index.pyc": "", "tests/t.py": "",
         ".env": "SECRET=1", "sub/.git/config": "", "sub/__pycache__/a.pyc": "", "sub/a.py": ""},
    )  # fmt: skip
    assert names(build().path) == ["data/x.json", "index.py", "sub/a.py"]


def test_a_folder_without_the_handlers_file_is_refused(tmp_path):
    build = function_project(tmp_path, {"other.py": ""})
    with pytest.raises(PackageError, match=r"f has no index.py: the handler is index.main_handler"):
        build()


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    build = function_project(tmp_path, {"index.py": ""})
    (tmp_path / "secret").write_text("x")
    (tmp_path / "f" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(PackageError, match="leads out of its folder"):
        build()


def test_the_layer_carries_the_checked_pipelines(built):
    with zipfile.ZipFile(built[0].path) as archive:
        checked = json.loads(archive.read("pipelines.compiled.json"))
        assert checked["sha256"] == hashlib.sha256(archive.read("pipelines.yml")).hexdigest()
    assert [pipeline["name"] for pipeline in checked["pipelines"]] == ["photos"]
