"""The layer as a function sees it: what is in it, what is not, and building it in parallel."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.scf.layer import LayerError, link_layer, read_pins

ROOT = Path(__file__).parents[3]


def run(layer, code):
    """Python without the virtual environment, with nothing but the layer added."""
    bare = f"import sys; sys.path.insert(0, {str(layer)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", bare], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    return link_layer(ROOT, tmp_path_factory.mktemp("layer"))


@pytest.mark.parametrize(
    "module",
    ["shared.events", "qcloud_cos", "yaml", "requests", "certifi", "six", "xmltodict", "Crypto"],
)
def test_what_the_layer_carries_can_be_imported(layer, module):
    done = run(layer.path, f"import {module}")
    assert done.returncode == 0, done.stderr


def test_the_rest_of_the_virtual_environment_is_not_there(layer):
    for module in ("PIL", "aiohttp", "pytest", "localcloud", "pip"):
        assert f"No module named '{module}'" in run(layer.path, f"import {module}").stderr


def test_pipelines_lie_beside_shared_as_in_the_cloud(layer):
    code = (
        "from pathlib import Path; import shared\n"
        "print(Path(shared.__file__).parent.parent / 'pipelines.yml')"
    )
    found = Path(run(layer.path, code).stdout.strip())
    assert found == layer.path / "pipelines.yml"
    assert found.read_bytes() == (ROOT / "pipelines.yml").read_bytes()


def test_what_is_pinned_is_what_is_linked(layer):
    assert {pin.name for pin in read_pins(ROOT)} >= {"cos-python-sdk-v5", "pyyaml", "crcmod"}
    assert layer.notes == ()


def test_several_processes_may_build_it_at_once(tmp_path):
    code = (
        "from pathlib import Path; from localcloud.scf.layer import link_layer\n"
        f"print(link_layer(Path({str(ROOT)!r}), Path({str(tmp_path)!r})).path)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    paths = {process.communicate(timeout=60)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert [str(path) for path in tmp_path.iterdir()] == list(paths)
    assert run(paths.pop(), "import qcloud_cos, shared").returncode == 0


def test_a_relative_project_gives_an_absolute_layer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert link_layer(Path()).path.parent == tmp_path / ".cache" / "layer"


def test_a_project_without_its_own_shared_gets_the_installed_one(tmp_path):
    layer = link_layer(tmp_path)
    assert (layer.path / "shared").resolve() == ROOT / "shared"
    assert not (layer.path / "pipelines.yml").exists()


def test_a_package_that_is_not_installed_is_named(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").touch()
    (tmp_path / "shared" / "requirements.txt").write_text("no-such-package==1.0 \\\n    --hash=x\n")
    with pytest.raises(LayerError, match=r"no-such-package 1\.0 of the layer is not installed"):
        link_layer(tmp_path)


def test_another_version_than_the_pinned_one_is_a_note(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").touch()
    (tmp_path / "shared" / "requirements.txt").write_text("six==0.1\n")
    assert "six 1.17.0 is installed, the layer has 0.1" in link_layer(tmp_path).notes[0]
