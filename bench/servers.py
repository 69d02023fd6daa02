"""The servers under test as child processes, and what they take."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qcloud_cos import CosConfig, CosS3Client

from localcloud.config import (
    DEFAULT_BUCKET,
    DEFAULT_REGION,
    DEFAULT_SECRET_ID,
    DEFAULT_SECRET_KEY,
)

MOTO = "5.2.5"
ROOT = Path(__file__).resolve().parents[1]
HOST = f"{DEFAULT_BUCKET}.cos.{DEFAULT_REGION}.myqcloud.com"

THUMBOR = ("thumbor==7.8.0", "pillow==12.3.0", "tornado==6.6.1")
_START_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A server on loopback; its children count as part of it."""

    port: int
    pid: int

    def memory(self, field: str = "VmHWM") -> float:
        """MiB: VmHWM is the peak so far, VmRSS is now."""
        return sum(_memory(pid, field) for pid in self._pids())

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system."""
        total = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]


def _memory(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


@contextmanager
def _child(command: list[str]) -> Iterator[Server]:
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            port = line.strip().rpartition(" ")[2].rpartition(":")[2]
            if not port.isdecimal():
                raise SystemExit(f"{command[0]} did not start: run it by hand to see why")
            yield Server(int(port), process.pid)
        finally:
            process.terminate()


@contextmanager
def local_cloud(
    data: Path | None = None, *, cache: bool = False, options: Sequence[str] = ()
) -> Iterator[Server]:
    """`localcloud serve` without functions, on a fresh bucket or the folder `data`.

    Without `cache` each download is processed from the original, however often it was before.
    """
    with tempfile.TemporaryDirectory(prefix="localcloud-bench-") as folder:
        command = [sys.executable, "-m", "localcloud", "serve", "--no-functions", "--port", "0"]
        command += [*options, *([] if cache else ["--no-cache"])]
        with _child([*command, "--data", str(data or folder)]) as server:
            yield server


@contextmanager
def moto() -> Iterator[Server]:
    """moto's server, from a virtual environment of its own in .cache/."""
    home = ROOT / ".cache" / "bench" / f"moto-{MOTO}"
    if not (home / "bin" / "moto_server").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "pip"), "install", "--quiet", f"moto[server,s3]=={MOTO}"]
        subprocess.run(pip, check=True)
    port = _free_port()
    command = [str(home / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with _listening(command, port) as server:
        yield server


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """nginx with two workers, serving the files of `folder`."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="nginx-bench-") as home:
        config = Path(home) / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {home}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root; " if os.geteuid() == 0 else ""
        config.write_text(
            f"{user}worker_processes 2; daemon off; pid {home}/pid; error_log {home}/error.log;"
            f"events {{}} http {{ access_log off; sendfile on; {temporary}"
            f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}"
        )
        with _listening(["nginx", "-p", home, "-c", str(config)], port) as server:
            yield server


@contextmanager
def _listening(command: list[str], port: int) -> Iterator[Server]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            else:
                raise SystemExit(f"{command[0]} did not start: run it by hand to see why")
            yield Server(port, process.pid)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sharp_home() -> Path:
    """The folder bench/sharp_server, with sharp installed."""
    home = ROOT / "bench" / "sharp_server"
    if not (home / "node_modules" / "sharp").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=home, check=True)
    return home


@contextmanager
def sharp_server(folder: Path) -> Iterator[Server]:
    """The Node server of bench/sharp_server, serving the files of `folder`."""
    with _child(["node", str(sharp_home() / "server.js"), str(folder)]) as server:
        yield server


@contextmanager
def thumbor(folder: Path) -> Iterator[Server]:
    """thumbor with two processes, serving the files of `folder`; installed under .cache once."""
    home = ROOT / ".cache" / "thumbor"
    program = home / "bin" / "thumbor"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *THUMBOR], check=True)
    settings = home / "thumbor.conf"
    settings.write_text(
        "LOADER = 'thumbor.loaders.file_loader'\n"
        f"FILE_LOADER_ROOT_PATH = {str(folder)!r}\n"
        "STORAGE = 'thumbor.storages.no_storage'\n"
        "QUALITY = 75\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--ip", "127.0.0.1", "--port", str(port), "--conf", settings]
    with subprocess.Popen([*command, "--processes", "2"], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Server(port, process.pid)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("thumbor did not start: run it by hand to see why")


def client(server: Server) -> CosS3Client:
    """The SDK, with the local cloud as its proxy."""
    return CosS3Client(
        CosConfig(
            Region=DEFAULT_REGION,
            SecretId=DEFAULT_SECRET_ID,
            SecretKey=DEFAULT_SECRET_KEY,
            Scheme="http",
            Proxies={"http": f"http://127.0.0.1:{server.port}"},
        ),
        retry=0,
    )


def signed(client: CosS3Client, key: str) -> dict[str, str]:
    """Headers that let `GET /<key>` reach the default bucket with a valid signature."""
    authorization = client.get_auth("GET", DEFAULT_BUCKET, key, Expired=3600)
    return {"Host": HOST, "Authorization": authorization}


def get(server: Server, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of one request, straight to the server."""
    url = f"http://127.0.0.1:{server.port}{target}"
    request = urllib.request.Request(url, headers=dict(headers))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
