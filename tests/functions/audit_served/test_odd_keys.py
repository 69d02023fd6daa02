"""Keys that URLs, XML and paths have their own ideas about: judged, put away and brought back."""

import pytest

from tests.functions.audit_served.conftest import wait
from tests.functions.conftest import photo

NAMES = {
    "spaces": "a b  c",
    "plus": "a+b c",
    "percent": "%2F %252F %",
    "emoji": "🚀 王 é",
    "dots": "a/../b",
    "dot": "a/./b",
    "points": "..a..",
    "slashes": "a//b///c",
    "markup": "&<>\"'&amp;]]>",
    "query": "a?b=c&d#e;f=g,h",
    "backslash": "a\\..\\b",
    "braces": "{key} ${env:X} `id`",
    "long": "x" * 700,
    "newline": "a\nb",
    "tab": "a\tb",
    "delete": "a\x7fb",
    "at": "a@b:c|d^e~f*g",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_job_about_it_is_acted_on_and_undone(served, restore, name):
    key = f"uploads/odd/bad {NAMES[name]}.pdf"
    body = b"%PDF-1.4 " + name.encode()
    audit = served.judged(key, body, ACL="public-read")
    assert (audit["verdict"]["result"], audit["by"]) == ("block", "callback"), audit["verdict"]
    assert audit["judged"]["key"] == key
    assert not served.exists(key)
    manifest = served.manifest(key)
    assert served.read(manifest["place"]["key"]) == body
    assert restore(manifest["id"])[0] == 0
    assert served.read(key) == body
    # The copy is an upload too; the audit finds that a person has decided.
    wait(lambda: served.lines("audit", key=key, outcome="done"))
    served.settled()
    assert served.record(key)["audit"]["verdict"]["provider"] == "person"
    assert served.acl(key) == "public-read"
    assert served.read(key) == body


@pytest.mark.parametrize("name", NAMES)
def test_what_is_judged_at_once(served, name):
    key = f"uploads/odd-now/bad {NAMES[name]}.jpg"
    body = photo()
    assert served.judged(key, body)["verdict"]["result"] == "block"
    assert not served.exists(key)
    assert served.read(served.manifest(key)["place"]["key"]) == body


@pytest.mark.parametrize(
    ("harmless", "bad"),
    [("a.txt", "a.txt "), ("k.txt", "k.txt\n"), ("b\nc.txt", "b\rc.txt"), ("d e.txt", "d+e.txt"),
     ("f%20g.txt", "f g.txt"), ("h/i.txt", "h/./i.txt"), ("j.txt", "x/../j.txt")],
)  # fmt: skip
def test_a_job_is_never_about_the_harmless_neighbour(served, harmless, bad):
    """Keys that XML or an address may turn into each other; the text is too long to be sent."""
    words = b"The meeting is on Monday. " * 500
    good = served.judged(f"uploads/ads/{harmless}", words, ContentType="text/plain")
    assert good["verdict"]["result"] == "pass"
    key = f"uploads/ads/{bad}"
    audit = served.judged(key, words + b"free gift card", ContentType="text/plain")
    assert audit["verdict"]["result"] != "pass"
    assert served.read(f"uploads/ads/{harmless}") == words
    assert served.tags(f"uploads/ads/{harmless}") == {"audit": "pass"}
