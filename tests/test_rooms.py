"""The walls between the three rooms, and what a cold start may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("functions", "shared", "localcloud")
LAYER = {"qcloud_cos", "requests", "tencentcloud", "urllib3", "yaml"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def modules(room):
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("shared", {"functions", "localcloud"}),
        ("functions", {"localcloud"}),
        ("localcloud", {"functions"}),
    ],
)
def test_no_room_imports_what_it_must_not(room, others):
    assert modules(room)
    for path in modules(room):
        assert not others & set(imported(path)), path


def test_functions_do_not_import_each_other():
    for folder in (ROOT / "functions").iterdir():
        siblings = {other.name for other in (ROOT / "functions").iterdir()} - {folder.name}
        for path in folder.rglob("*.py"):
            assert not siblings & set(imported(path)), path


@pytest.mark.parametrize("room", ["shared", "functions"])
def test_what_is_deployed_needs_only_the_layer(room):
    allowed = set(sys.stdlib_module_names) | LAYER | {"shared"}
    for path in modules(room):
        beside = {module.stem for module in path.parent.glob("*.py")}
        assert set(imported(path)) <= allowed | beside, path


def test_of_tencentclouds_sdk_only_the_common_part_is_deployed():
    """Its other parts are installed here, for the tests, and lie in the same folder."""
    for path in modules("shared") + modules("functions"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.module if isinstance(node, ast.ImportFrom) else ""
            if name and name.startswith("tencentcloud"):
                assert name.startswith("tencentcloud.common."), path


@pytest.mark.parametrize("function", ["callback", "dispatch", "image"])
def test_the_sdk_of_scf_waits_for_its_first_call(function):
    code = (
        f"import sys; sys.path.insert(0, 'functions/{function}'); import index; print("
        "[name for name in sys.modules if name.startswith(('tencentcloud', 'concurrent'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_dispatch_starts_without_the_sdk_of_cos():
    code = (
        "import sys; sys.path.insert(0, 'functions/dispatch'); import index; print("
        "sorted({'qcloud_cos', 'yaml', 'shared.ledger'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_function_loads_no_image_library_and_no_server():
    code = (
        "import sys; sys.path.insert(0, 'functions/image'); import index;"
        "print(sorted({'PIL', 'aiohttp', 'pyvips', 'numpy', 'asyncio', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
