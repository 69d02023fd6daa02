"""CONNECT, and what hostile clients do to a port that has to guess what they speak."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
import requests

from localcloud.config import DEFAULT_BUCKET
from localcloud.tls import door

HOST = f"{DEFAULT_BUCKET}.cos.ap-guangzhou.myqcloud.com"


def connect(cloud):
    return socket.create_connection(("127.0.0.1", int(cloud.url.rpartition(":")[2])), 20)


def read_all(connection):
    answer = b""
    # A connection that is closed on bytes nobody reads is reset.
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def ask(cloud, *pieces):
    with connect(cloud) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_all(connection)


def tunnel(host, port=443, *headers):
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", 443),
        ("1.2.3.4", 22),
        ("169.254.169.254", 80),
        (f"{HOST}.example.com", 443),
        ("127.0.0.2", 443),
        ("[::2]", 443),
    ],
)
def test_no_tunnel_to_a_host_that_is_not_played(secure, host, port):
    answer = ask(secure, tunnel(host, port))
    status_line = answer.partition(b"\r\n")[0].decode()
    assert status_line.startswith("HTTP/1.1 403 ")
    assert host.lower() in status_line
    assert "no open proxy" in status_line  # what clients show of a refusal
    with pytest.raises(requests.exceptions.ProxyError, match="no open proxy"):
        requests.get(f"https://{host}:{port}/", proxies={"https": secure.url}, timeout=20)


@pytest.mark.parametrize("port", [22, 25, 0, 99999])
def test_no_tunnel_to_another_port(secure, port):
    answer = ask(secure, tunnel(HOST, port))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"443" in answer


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT \r\n\r\n",
        b"CONNECT / HTTP/1.1\r\n\r\n",
        b"CONNECT example.com HTTP/1.1\r\n\r\n",
        b"CONNECT a b:443 HTTP/1.1\r\n\r\n",
        b"CONNECT \xff\xfe:443 HTTP/1.1\r\n\r\n",
        b"CONNECT x\x00y:443 HTTP/1.1\r\n\r\n",
        b"CONNECT " + HOST.encode() + b":443 HTTP/9.9\r\n\r\n",
        b"CONNECT user@" + HOST.encode() + b":443 HTTP/1.1\r\n\r\n",
    ],
)
def test_a_malformed_connect(secure, head):
    answer = ask(secure, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"\r\n\r\n") == 1


def test_an_endless_head(secure):
    answer = ask(secure, b"CONNECT x:443 HTTP/1.1\r\n", b"X: " + b"x" * 20_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_garbage_in_a_tunnel(secure):
    answer = ask(secure, tunnel(HOST), b"\x00\x01garbage\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b" 400 Bad Request\r\n" in answer
    assert b"BadRequest" in answer


def test_broken_tls_in_a_tunnel(secure):
    answer = ask(secure, tunnel(HOST), b"\x16" + b"garbage" * 10)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 4" not in answer


def test_plain_http_in_a_tunnel(secure):
    request = f"GET /k HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    answer = ask(secure, tunnel(HOST, 80), request)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 403 " in answer


def test_a_tunnel_in_a_tunnel(secure):
    answer = ask(secure, tunnel(HOST), tunnel(HOST))
    assert b"HTTP/1.1 501 " in answer


def test_a_connect_in_pieces(secure):
    context = ssl.create_default_context(cafile=str(secure.authority))
    with connect(secure) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = tunnel(HOST, 443, "Proxy-Connection: keep-alive")
        for start in range(len(head)):
            connection.sendall(head[start : start + 1])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        with context.wrap_socket(connection, server_hostname=HOST) as secured:
            secured.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert secured.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_a_client_that_does_not_wait_for_the_tunnel(secure):
    """Its first TLS bytes come with the head; none of them may be lost."""
    context = ssl.create_default_context(cafile=str(secure.authority))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with connect(secure) as connection:
        connection.sendall(tunnel(HOST) + outgoing.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        incoming.write(answer.partition(b"\r\n\r\n")[2])
        for _ in range(10):
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(65536))
    assert ("DNS", HOST) in client.getpeercert()["subjectAltName"]


def test_the_tunnels_host_counts_when_the_client_names_none(secure):
    context = ssl.create_default_context(cafile=str(secure.authority))
    context.check_hostname = False
    with connect(secure) as connection:
        connection.sendall(tunnel(HOST))
        connection.recv(100)
        with context.wrap_socket(connection) as secured:
            assert ("DNS", HOST) in secured.getpeercert()["subjectAltName"]


@pytest.mark.parametrize(
    "beginning", [b"\x16\x03\x01", b"CON", b"CONNECT x", tunnel(HOST) + b"\x16"]
)
def test_who_stops_halfway_is_let_go(inside_secure, monkeypatch, beginning):
    monkeypatch.setattr(door, "HANDSHAKE_SECONDS", 0.3)
    with connect(inside_secure) as stuck:
        stuck.sendall(beginning)
        # Others are not held up meanwhile.
        assert requests.get(inside_secure.url, timeout=20).status_code == 403
        answer = read_all(stuck)
    assert answer in (b"", b"HTTP/1.1 200 Connection established\r\n\r\n")


def test_silent_connections_make_room_for_those_that_speak(inside_secure, monkeypatch):
    monkeypatch.setattr(door, "MAX_UNDECIDED", 4)
    silent = [connect(inside_secure) for _ in range(12)]
    assert requests.get(inside_secure.url, timeout=20).status_code == 403
    assert silent[0].recv(1) == b""  # the oldest went
    for connection in silent:
        connection.close()


def test_many_handshakes(inside_secure, authority):
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    names, failures = [f"b{n}-1250000000.localhost" for n in range(8)], []

    def work(number):
        for turn in range(12):
            name = names[(number + turn) % len(names)]
            with context.wrap_socket(connect(inside_secure), server_hostname=name) as connection:
                connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
                if not connection.recv(65536).startswith(b"HTTP/1.1 404 "):
                    failures.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_early_leavers_are_forgotten(inside_secure, caplog):
    for beginning in (b"", b"C", b"CONNECT", b"\x16", tunnel(HOST)):
        with connect(inside_secure) as connection:
            connection.sendall(beginning)
    assert requests.get(inside_secure.url, timeout=20).status_code == 403
    assert caplog.text == ""


def test_encrypted_connections_are_bounded(inside_secure, authority, monkeypatch, caplog):
    monkeypatch.setattr(door, "MAX_ENCRYPTED", 3)
    context = ssl.create_default_context(cadata=authority.certificate.decode())

    def secured():
        return context.wrap_socket(connect(inside_secure), server_hostname="localhost")

    held = [secured() for _ in range(3)]
    with pytest.raises(OSError):  # noqa: PT011 - closed or reset
        secured()
    assert "3 encrypted connections are open" in caplog.text
    assert requests.get(inside_secure.url, timeout=20).status_code == 403
    held.pop().close()
    deadline = time.monotonic() + 20
    while len(held) < 3 and time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # until the cloud has seen that one is gone
            held.append(secured())
    held[2].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert held[2].recv(65536).startswith(b"HTTP/1.1 403 ")
    for connection in held:
        connection.close()
