"""The layer as a function sees it, without building a zip file: a folder of links.

It holds `shared`, pipelines.yml and the packages that shared/requirements.txt pins, and nothing
else of the virtual environment: a handler that imports something more fails here as in the cloud.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import shared
from shared.errors import ConfigError
from shared.pipelines import COMPILED_NAME, compiled

REQUIREMENTS = "requirements.txt"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)", re.MULTILINE)
_NO_PACKAGE = re.compile(r"\.\.|__pycache__|.*\.(?:dist-info|egg-info|pth)")


class LayerError(RuntimeError):
    """The layer cannot be put together; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Layer:
    """`path` goes on a function's import path; `notes` say where it differs from the cloud's."""

    path: Path
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """One pinned distribution of a requirements file."""

    name: str
    version: str


def link_layer(project: Path, folder: Path | None = None) -> Layer:
    """The layer of a project, built on first use. Safe when several processes do it at once.

    The folder is `project`/.cache/layer (or `folder`), a temporary one if that cannot be written.
    """
    project = project.absolute()  # a function's working directory is another one
    notes: list[str] = []
    links = dict(_links(project, notes))
    checked = _checked_pipelines(project)
    text = "\n".join([*(f"{name} {target}" for name, target in sorted(links.items())), checked])
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    parent = folder.absolute() if folder else project / ".cache" / "layer"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=parent))
    except OSError:
        parent = Path(tempfile.mkdtemp(prefix="localcloud-layer-"))
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=parent))
    path = parent / digest
    try:
        if not path.is_dir():
            for name, target in links.items():
                (building / name).symlink_to(target)
            if checked:
                (building / COMPILED_NAME).write_text(checked, "utf-8")
            building.chmod(0o755)
            _publish(building, path)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Layer(path, tuple(notes))


def _checked_pipelines(project: Path) -> str:
    """What spares a cold start the check of pipelines.yml; empty if the file has problems: then
    the function finds and reports them itself."""
    try:
        return compiled(project / "pipelines.yml")
    except ConfigError:
        return ""


def _publish(building: Path, path: Path) -> None:
    """Move the finished folder into place; whoever comes second finds the same one there."""
    try:
        building.rename(path)
    except OSError:
        if not path.is_dir():
            raise


def shared_folder(project: Path) -> Path:
    """The project's own `shared`, or the installed one for a project that only has functions."""
    own = project / "shared"
    package = own if (own / "__init__.py").is_file() else Path(str(shared.__file__)).parent
    return package.resolve()


def read_pins(project: Path) -> list[Pin]:
    """The distributions that the layer carries. Raises `LayerError` without a requirements file."""
    path = shared_folder(project) / REQUIREMENTS
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise LayerError(
            f"{path}: {error.strerror}: the layer's packages are listed there"
        ) from None
    return [Pin(found["name"], found["version"]) for found in _PIN.finditer(text)]


def _links(project: Path, notes: list[str]) -> Iterator[tuple[str, Path]]:
    yield "shared", shared_folder(project)
    pipelines = project / "pipelines.yml"
    if pipelines.is_file():
        yield pipelines.name, pipelines.resolve()
    for pin in read_pins(project):
        distribution = installed(pin)
        if distribution.version != pin.version:
            notes.append(
                f"{pin.name} {distribution.version} is installed, the layer has {pin.version}: "
                "install the pinned requirements to run what the cloud runs"
            )
        for name in top_level(distribution):
            yield name, Path(str(distribution.locate_file(name)))


def installed(pin: Pin) -> importlib.metadata.Distribution:
    """The installed distribution of a pin, whatever its version. Raises `LayerError`."""
    try:
        return importlib.metadata.distribution(pin.name)
    except importlib.metadata.PackageNotFoundError:
        raise LayerError(
            f"{pin.name} {pin.version} of the layer is not installed: install the project's pinned "
            "requirements (make setup)"
        ) from None


def top_level(distribution: importlib.metadata.Distribution) -> list[str]:
    """The modules, packages and data folders that a distribution puts beside each other."""
    names = {file.parts[0] for file in distribution.files or () if file.parts}
    return sorted(name for name in names if not _NO_PACKAGE.fullmatch(name))
