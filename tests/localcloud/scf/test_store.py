"""What is kept, and that it stays within its bounds."""

import pytest

from localcloud.scf import store as stored
from localcloud.scf.kept import KeptInvocations, Wanted
from localcloud.scf.store import AsyncEvent, FunctionStore, Logged, Message


@pytest.fixture
def store(tmp_path):
    made = FunctionStore(tmp_path / stored.FILE_NAME)
    yield made
    made.close()


def logged(number, log="x", code=200):
    return Logged(0, f"id-{number}", "f", 1000.0 + number, 5.0, 1, code, 0, "null", log)


def kept_ids(folder):
    return [one.request_id for one in KeptInvocations(folder).invocations(Wanted())]


def test_the_oldest_invocations_go_first(store, tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MAX_INVOCATIONS", 120)
    for number in range(500):
        store.add_invocation(logged(number))
    kept = kept_ids(tmp_path)
    assert 120 <= len(kept) <= 220
    assert kept == [f"id-{number}" for number in range(500 - len(kept), 500)]


def test_logs_have_a_limit_of_bytes(store, tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MAX_LOG_BYTES", 1_000_000)
    for number in range(300):
        store.add_invocation(logged(number, "x" * 10_000))
    kept = kept_ids(tmp_path)
    assert 20 <= len(kept) <= 100
    assert kept[-1] == "id-299"


def test_ended_events_go_and_waiting_ones_stay(store, monkeypatch):
    monkeypatch.setattr(stored, "MAX_FINISHED", 50)
    store.add_event(AsyncEvent("waits", "f", "API", 1.0, 1.0), "{}")
    for number in range(400):
        event = AsyncEvent(f"id-{number}", "f", "API", 1.0, 1.0)
        store.add_event(event, '{"big": "payload"}')
        store.end_event(event, "FINISHED", 200, 2.0 + number)
    assert 50 <= len(store.events_of("f")) <= 151
    assert [event.request_id for event in store.waiting()] == ["waits"]
    assert store.event("id-399").status == "FINISHED"
    assert store.payload("id-399") == ""


def test_messages_have_a_limit(store, tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MAX_MESSAGES", 10)
    for number in range(15):
        store.add_message(Message(0, "topic", "dead", "", f"id-{number}", 1.0, "{}"))
    kept = [message.request_id for message in KeptInvocations(tmp_path).messages("dead")]
    assert kept == [f"id-{number}" for number in range(5, 15)]


def test_a_transaction_is_whole_or_nothing(store):
    event = AsyncEvent("id", "f", "API", 1.0, 1.0)

    def fail_inside():
        with store.transaction(), store.transaction():
            store.add_event(event, "{}")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert store.waiting() == []
    with store.transaction():
        store.add_event(event, "{}")
    assert store.waiting() == [event]


def test_invocations_are_found_by_what_they_are(store, tmp_path):
    for number, code in enumerate((200, 430, 200)):
        store.add_invocation(logged(number, f"log of {number} 100%_", code))
    kept = KeptInvocations(tmp_path)

    def ids(**wanted):
        return [one.request_id for one in kept.invocations(Wanted(**wanted))]

    assert ids(ok=False) == ["id-1"]
    assert ids(ok=True) == ["id-0", "id-2"]
    assert ids(request_id="id-2") == ["id-2"]
    assert ids(text="of 1") == ["id-1"]
    assert ids(text="%") == ["id-0", "id-1", "id-2"], "a text, not a pattern"
    assert ids(text="1__") == []
    assert ids(since=1001.0, until=1002.0) == ["id-1"]
    assert ids(functions=("g",)) == []
    assert ids(after=2) == ["id-2"]
