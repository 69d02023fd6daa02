"""The zip files that are deployed: one for the layer, one for each function.

The same sources give the same bytes: entries are sorted and carry one fixed time. The packages of
the layer are the wheels that shared/requirements.txt pins, for SCF's platform and not for this
machine, checked against their hashes by pip.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from localcloud.scf.layer import LayerError, Pin, installed, read_pins, shared_folder
from localcloud.scf.serverless import Function
from shared.errors import ConfigError
from shared.pipelines import COMPILED_NAME, compiled

# SCF's Python 3.10 on its x86-64 base image: nothing newer than glibc 2.17 is asked for.
PYTHON = "3.10"
PLATFORMS = (
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2010_x86_64",
    "manylinux_2_12_x86_64",
    "manylinux1_x86_64",
    "manylinux_2_5_x86_64",
)
ABIS = ("cp310", "abi3", "none")
# Published as source only. Its installed files are taken instead, without the compiled one, after
# a check against the hashes that pip noted when it installed them.
SOURCE_ONLY = ("crcmod",)
DOWNLOAD_SECONDS = 300
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = re.compile(
    r"(?:.*/)?(?:__pycache__|tests|SelfTest|\.[^/]+)(?:/.*)?"
    r"|.*\.(?:pyc|pyi|pth)"
    r"|[^/]+\.dist-info/(?:RECORD|WHEEL|INSTALLER|REQUESTED|entry_points\.txt|top_level\.txt)"
    r"|[^/]+\.data/(?:scripts|data|headers)/.*"
)


class PackageError(RuntimeError):
    """A zip file cannot be built; the message says what is missing."""


@dataclass(frozen=True)
class Package:
    """A zip file that was written: sizes in bytes."""

    path: Path
    files: int
    size: int
    unpacked: int


def build_layer(root: Path, target: Path) -> Package:
    """layer.zip: `shared`, pipelines.yml and the pinned packages, as SCF mounts them at /opt.

    Raises `PackageError`. Downloads wheels through pip.
    """
    contents = {f"shared/{name}": data for name, data in _folder(shared_folder(root))}
    pipelines = root / "pipelines.yml"
    if not pipelines.is_file():
        raise PackageError(f"{pipelines}: no such file: the layer carries it")
    contents["pipelines.yml"] = pipelines.read_bytes()
    try:
        contents[COMPILED_NAME] = compiled(pipelines).encode()
    except ConfigError as error:
        raise PackageError(str(error)) from None
    try:
        pins = read_pins(root)
        for pin in pins:
            if pin.name in SOURCE_ONLY:
                contents.update(_pure_files(pin))
    except LayerError as error:
        raise PackageError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="localcloud-wheels-") as folder:
        wheels = _download(shared_folder(root) / "requirements.txt", Path(folder))
        wanted = len(pins) - len([pin for pin in pins if pin.name in SOURCE_ONLY])
        if len(wheels) != wanted:
            raise PackageError(f"pip downloaded {len(wheels)} wheels, {wanted} are pinned")
        for wheel in wheels:
            contents.update(_wheel(wheel))
    return _write(target, contents)


def build_function(function: Function, target: Path) -> Package:
    """A function's zip file: what its folder holds, the handler's file at the root."""
    entry = f"{function.handler.partition('.')[0]}.py"
    contents = dict(_folder(function.code))
    if entry not in contents:
        raise PackageError(f"{function.code} has no {entry}: the handler is {function.handler}")
    return _write(target, contents)


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a source folder by their path in it, without caches, tests and hidden files."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if _LEFT_OUT.fullmatch(name) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise PackageError(f"{path} is a link that leads out of its folder")
        yield name, path.read_bytes()


def _download(requirements: Path, folder: Path) -> list[Path]:
    """The wheels of all pins but the source-only ones. Raises `PackageError` with pip's reason."""
    wanted = folder / "requirements.txt"
    wanted.write_text(_without(requirements.read_text("utf-8"), SOURCE_ONLY), "utf-8")
    wheels = folder / "wheels"
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--no-deps", "--require-hashes"),
        *("--implementation", "cp", "--python-version", PYTHON),
        *(word for platform in PLATFORMS for word in ("--platform", platform)),
        *(word for abi in ABIS for word in ("--abi", abi)),
        *("--requirement", str(wanted), "--dest", str(wheels)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PackageError(f"pip did not finish in {DOWNLOAD_SECONDS} seconds") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise PackageError(f"pip: {lines[-1] if lines else done.stderr.strip()[-300:]}")
    return sorted(wheels.glob("*.whl"))


def _without(requirements: str, names: Iterable[str]) -> str:
    """A requirements file without some packages (each is a line and its continuations)."""
    kept, keep = [], True
    for line in requirements.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            keep = line.partition("==")[0] not in names
        if keep:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _wheel(path: Path) -> Iterator[tuple[str, bytes]]:
    """A wheel's files as they would be installed."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or _LEFT_OUT.fullmatch(entry.filename):
                continue
            name = re.sub(r"^[^/]+\.data/(?:purelib|platlib)/", "", entry.filename)
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise PackageError(f"{path.name} holds {name!r}: it would leave its folder")
            yield name, archive.read(entry)


def _pure_files(pin: Pin) -> Iterator[tuple[str, bytes]]:
    """The Python files of an installed package, if they are those that pip installed."""
    distribution = installed(pin)
    if distribution.version != pin.version:
        raise PackageError(
            f"{pin.name} {distribution.version} is installed, the layer has {pin.version}"
        )
    for file in distribution.files or ():
        name = file.as_posix()
        if file.suffix != ".py" or _LEFT_OUT.fullmatch(name):
            continue
        data = Path(str(file.locate())).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if file.hash is None or (file.hash.mode, file.hash.value) != ("sha256", digest):
            raise PackageError(f"{name} is not as pip installed it: install {pin.name} again")
        yield name, data


def _write(target: Path, contents: Mapping[str, bytes]) -> Package:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_suffix(".building")
    with zipfile.ZipFile(building, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the permissions below count
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    building.replace(target)
    unpacked = sum(map(len, contents.values()))
    return Package(target, len(contents), target.stat().st_size, unpacked)
