"""ClamAV's daemon is asked for each file; a server that speaks its protocol stands for it."""

import io
import socketserver
import threading
import zipfile

import pytest

from localcloud.detectors.judgement import NORMAL, SENSITIVE, SUSPECTED, Virus
from localcloud.detectors.viruses import clamav, scan_for_viruses

PROGRAM = b"MZ" + bytes(99)


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Finds the word `worm`; `most` is its StreamMaxLength. `seen` are the streams it was sent."""

    daemon_threads = True
    most, answer = 1024**2, None

    def __init__(self, place):
        super().__init__(place, Session)
        self.seen = []


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        assert self.rfile.read(10) == b"zINSTREAM\0"
        data = b""
        while length := int.from_bytes(self.rfile.read(4), "big"):
            data += self.rfile.read(length)
            if len(data) > self.server.most:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.server.seen.append(data)
        found = b"Test.Worm FOUND" if b"worm" in data else b"OK"
        answer = b"stream: " + found + b"\0"
        self.wfile.write(answer if self.server.answer is None else self.server.answer)


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    place = str(tmp_path / "clamd.ctl")
    server = Daemon(place)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("LOCALCLOUD_CLAMD", place)
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def scan(tmp_path):
    def run(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        return scan_for_viruses(path)

    return run


def test_what_the_daemon_says_counts(daemon, scan):
    for data, result, viruses in (
        (b"hello", NORMAL, ()),
        (PROGRAM, NORMAL, ()),
        (PROGRAM + b"worm", SENSITIVE, (Virus("", "Test.Worm"),)),
        (bytes(600_000) + b"worm", SENSITIVE, (Virus("", "Test.Worm"),)),
    ):
        report = scan(data)
        assert (report.result, report.viruses, report.reason) == (result, viruses, "")
        assert report.engine == "clamav+signatures"
        assert daemon.seen[-1] == data


def test_each_file_of_an_archive_is_sent(daemon, scan):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/run.exe", PROGRAM + b"w" + b"orm" * 9)
        archive.writestr("b.exe", PROGRAM)
    report = scan(packed.getvalue())
    assert (report.result, report.viruses) == (SENSITIVE, (Virus("a/run.exe", "Test.Worm"),))
    assert len(daemon.seen) == 3


def test_a_file_that_is_too_large_for_it_is_not_sent(daemon, scan, monkeypatch):
    monkeypatch.setattr(clamav, "MAX_SIZE", 500)
    report = scan(PROGRAM + bytes(500))
    assert (report.result, report.engine) == (SUSPECTED, "signatures")
    assert report.reason == "no local engine for a Windows program"
    assert scan(bytes(600)).result == NORMAL
    assert daemon.seen == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"stream: Can't allocate memory ERROR\0", "stream: Can't allocate memory ERROR"),
        (b"", "no answer"),
        (b"stream: OK and more\0", "stream: OK and more"),
        (b"x" * 9000, "x" * 200),
    ],
)
def test_an_answer_that_is_no_verdict_is_for_review(daemon, scan, answer, said):
    daemon.answer = answer
    report = scan(b"hello")
    assert (report.result, report.engine) == (SUSPECTED, "signatures")
    assert report.reason == f"ClamAV at {daemon.server_address}: {said}"


def test_a_stream_that_it_refuses_is_for_review(daemon, scan):
    daemon.most = 100_000
    assert scan(PROGRAM + bytes(3_000_000)).result == SUSPECTED


def test_a_daemon_that_is_gone_or_silent_is_for_review(tmp_path, scan, monkeypatch):
    monkeypatch.setenv("LOCALCLOUD_CLAMD", str(tmp_path / "absent"))
    assert scan(b"hello").reason.endswith("absent: FileNotFoundError")
    monkeypatch.setattr(clamav, "_SECONDS", 0.05)
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        # It listens and takes nobody in.
        place = f"127.0.0.1:{silent.server_address[1]}"
        monkeypatch.setenv("LOCALCLOUD_CLAMD", place)
        report = scan(b"hello")
    assert (report.result, report.reason) == (SUSPECTED, f"ClamAV at {place}: TimeoutError")


def test_without_a_daemon_the_signatures_judge_alone(scan, monkeypatch, tmp_path):
    monkeypatch.delenv("LOCALCLOUD_CLAMD", raising=False)
    monkeypatch.setattr(clamav, "DEFAULT", str(tmp_path / "absent"))
    assert (scan(b"hello").result, scan(b"hello").engine) == (NORMAL, "signatures")
