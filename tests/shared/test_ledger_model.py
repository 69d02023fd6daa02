"""The ledger's protocol in every interleaving: explicit-state search over the real `Ledger`.

Each worker runs the real code against a store that hands control back at every operation. All
orders of all operations are tried, with crashes between any two of them, SCF's second invocation
under the same id, and a clock that may pass everybody's lease at any moment.

The one assumption: a worker whose lease is over is dead. SCF kills at the time limit.
"""

from dataclasses import dataclass, replace

import pytest

from shared import ledger as ledger_module
from shared.claims import SUBMITTED, Claim, Closed, Refusal, Step, Version, read
from shared.ledger import Ledger

STEP = Step("b-1", "k", "image", "photos")
LEASE = 60.0
OLD, NEW = Version("a" * 32, 100), Version("b" * 32, 200)


class Pending(BaseException):
    """The worker wants to do the next operation."""

    def __init__(self, operation):
        self.operation = operation


class Replay:
    """A store that repeats what it answered before, and stops the worker at the first new one."""

    def __init__(self, history):
        self.history = list(history)

    def _next(self, *operation):
        if self.history:
            return self.history.pop(0)
        raise Pending(operation)

    def put_new(self, key, body):
        return self._next("put_new", key, body)

    def put(self, key, body):
        return self._next("put", key, body)

    def first(self, prefix):
        return self._next("first", prefix)

    def get(self, key):
        return self._next("get", key)

    def enter(self):
        return self._next("enter")

    def leave(self):
        return self._next("leave")

    def sleep(self, seconds):
        return self._next("sleep")


@dataclass(frozen=True)
class Worker:
    """One upload's invocation. `status` is running, dead, or what it ended with."""

    name: str
    version: Version
    invocation: int = 0
    history: tuple = ()
    status: str = "running"
    inside: bool = False


@dataclass(frozen=True)
class World:
    workers: tuple
    store: tuple = ()  # (key, body, written at)
    clock: float = 0.0
    ticks: int = 0
    crashes: int = 0
    done: tuple = ()  # versions in the order in which they were closed


class Search:
    def __init__(self, monkeypatch, *, ticks, crashes, retries):
        self.limits = {"ticks": ticks, "crashes": crashes}
        self.retries = retries
        self.nexts = {}
        self.nonce = ""
        monkeypatch.setattr(ledger_module.secrets, "token_hex", lambda size: self.nonce)

    def next_of(self, worker):
        """("operation", ...) that the worker wants, or ("end", status)."""
        mark = (worker.name, worker.version, worker.invocation, worker.history)
        if mark not in self.nexts:
            try:
                self.nexts[mark] = ("end", self.run(worker))
            except Pending as pending:
                self.nexts[mark] = pending.operation
        return self.nexts[mark]

    def run(self, worker):
        store = Replay(worker.history)
        self.nonce = f"{worker.name}{worker.invocation}"
        ledger = Ledger(store, "s/", worker.name, patience=0.2, sleep=store.sleep)
        claim = ledger.claim(STEP, worker.version, LEASE, {})
        if isinstance(claim, Refusal):
            return "again" if claim.wait else "refused"
        store.enter()
        store.leave()
        ledger.close(claim, "done")
        return "done"

    def apply(self, world, index):
        """The world after one operation of one worker."""
        worker = world.workers[index]
        kind, *arguments = self.next_of(worker)
        store = {key: (body, at) for key, body, at in world.store}
        result, inside = None, worker.inside
        if kind in ("put_new", "put"):
            key, body = arguments
            result = kind == "put" or key not in store
            if result:
                store[key] = (body, world.clock)
        elif kind == "first":
            result = min((key for key in store if key.startswith(arguments[0])), default=None)
        elif kind == "get":
            body, at = store[arguments[0]]
            result = (body, world.clock - at)
        elif kind in ("enter", "leave"):
            inside = kind == "enter"
        moved = replace(worker, history=(*worker.history, result), inside=inside)
        following = self.next_of(moved)
        done = world.done
        if kind == "put" and worker.version not in done:
            done = (*done, worker.version)  # a close; a second one writes the same elsewhere
        if following[0] == "end":
            moved = replace(moved, status=following[1], history=())
        workers = (*world.workers[:index], moved, *world.workers[index + 1 :])
        items = tuple(sorted((key, body, at) for key, (body, at) in store.items()))
        world = replace(world, workers=workers, store=items, done=done)
        if kind == "enter":
            self.check_entry(world, moved)
        return world

    def check_entry(self, world, worker):
        inside = [other.name for other in world.workers if other.inside]
        assert len(inside) <= 1, f"{inside} hold one claim"
        newest = max((version.time for version in world.done), default=0)
        assert worker.version.time >= newest, "an old version is worked on after a newer one"
        assert worker.version not in world.done, "a version is worked on again"

    def successors(self, world):
        for index, worker in enumerate(world.workers):
            others = world.workers[:index], world.workers[index + 1 :]
            if worker.status == "running":
                yield self.apply(world, index)
                if world.crashes < self.limits["crashes"] and worker.history:
                    dead = replace(worker, status="dead", inside=False, history=())
                    yield replace(
                        world, workers=(*others[0], dead, *others[1]), crashes=world.crashes + 1
                    )
            elif worker.status in ("dead", "again") and worker.invocation < self.retries:
                fresh = Worker(worker.name, worker.version, worker.invocation + 1)
                yield replace(world, workers=(*others[0], fresh, *others[1]))
        if world.ticks < self.limits["ticks"]:
            workers = tuple(
                replace(worker, status="dead", inside=False, history=())
                if worker.status == "running" and worker.history
                else worker
                for worker in world.workers
            )
            clock = world.clock + LEASE + 1
            yield replace(world, workers=workers, clock=clock, ticks=world.ticks + 1)

    def explore(self, start):
        """Visit every reachable world; the number of them."""
        seen, waiting = {start}, [start]
        while waiting:
            world = waiting.pop()
            following = list(self.successors(world))
            if not any(worker.status == "running" for worker in world.workers):
                self.check_rescue(world)
            fresh = {other for other in following if other not in seen}
            seen |= fresh
            waiting.extend(fresh)
        return len(seen)

    def check_rescue(self, world):
        """Where all have ended, a sweep that comes after the leases finishes what is open."""
        if not world.store:
            return
        newest = max(world.workers, key=lambda worker: worker.version.time).version
        sweeper = Worker("sweeper", newest)
        world = replace(world, workers=(sweeper,), clock=world.clock + LEASE + 1)
        while world.workers[0].status == "running":
            world = self.apply(world, 0)
        key, body, _ = min(world.store)
        closed = read(key, body)
        assert isinstance(closed, Closed), f"{world} is stuck"
        assert closed.version in (newest, OLD)
        assert newest in world.done, f"{newest} was lost"


def workers(*versions):
    return World(tuple(Worker(f"w{number}", version) for number, version in enumerate(versions)))


@pytest.mark.parametrize("versions", [(NEW, NEW), (OLD, NEW), (NEW, OLD)])
def test_two_workers_that_crash_twice(monkeypatch, versions):
    search = Search(monkeypatch, ticks=2, crashes=2, retries=1)
    assert search.explore(workers(*versions)) > 1000


@pytest.mark.parametrize("versions", [(NEW, NEW, NEW), (OLD, OLD, NEW)])
def test_three_workers_of_which_one_crashes(monkeypatch, versions):
    search = Search(monkeypatch, ticks=1, crashes=1, retries=1)
    assert search.explore(workers(*versions)) > 1000


def test_the_search_finds_a_protocol_that_is_broken(monkeypatch):
    """Without the exclusive write two workers do the same work, and the search says so."""
    search = Search(monkeypatch, ticks=0, crashes=0, retries=0)
    monkeypatch.setattr(Replay, "put_new", lambda self, key, body: self.put(key, body))
    with pytest.raises(AssertionError, match=r"hold one claim|worked on again"):
        search.explore(workers(NEW, NEW))


LISTED = Version("c" * 32, NEW.time, listed=True)


class ListedSearch(Search):
    """With an upload that a backfill found in a listing beside those that events tell of."""

    def check_entry(self, world, worker):
        super().check_entry(world, worker)
        if worker.version.listed:
            assert NEW not in world.done, "what its own event has done is done again"

    def check_rescue(self, world):
        if not world.store:
            return
        # The sweep goes on with the event of the open claim; the last is that of an event, if any.
        versions = [worker.version for worker in world.workers]
        known = max(versions, key=lambda each: (each.time, not each.listed))
        world = replace(world, workers=(Worker("sweeper", known),), clock=world.clock + LEASE + 1)
        while world.workers[0].status == "running":
            world = self.apply(world, 0)
        key, body, _ = min(world.store)
        assert isinstance(read(key, body), Closed), f"{world} is stuck"
        assert {NEW, LISTED} & set(world.done), "the object was lost"


@pytest.mark.parametrize("versions", [(NEW, LISTED), (LISTED, NEW), (OLD, LISTED)])
def test_an_object_of_a_listing_beside_its_own_event(monkeypatch, versions):
    search = ListedSearch(monkeypatch, ticks=1, crashes=2, retries=1)
    assert search.explore(workers(*versions)) > 500


class FinishSearch(Search):
    """With finishers, whose names begin with f, of work that was submitted."""

    def run(self, worker):
        if not worker.name.startswith("f"):
            return super().run(worker)
        store = Replay(worker.history)
        self.nonce = f"{worker.name}{worker.invocation}"
        ledger = Ledger(store, "s/", worker.name, patience=0.2, sleep=store.sleep)
        newest = ledger.newest(ledger.chain(STEP))
        known = newest is not None and newest.claim.version == worker.version
        claim = ledger.resume(newest, LEASE) if known else None
        if claim is None:
            return "refused"
        store.enter()
        store.leave()
        ledger.close(claim, "done")
        return "done"


@pytest.mark.parametrize("versions", [(NEW, NEW), (NEW, NEW, NEW), (OLD, OLD, NEW)])
def test_finishers_of_submitted_work(monkeypatch, versions):
    """Two of them, and an event of the same or a newer upload."""
    ledger = Ledger(Replay([]), "s/", "w9")
    submitted = Claim(ledger.chain(STEP), versions[0], "w9", "n", LEASE, state=SUBMITTED)
    names = ("f0", "f1", "w2")
    start = World(
        tuple(Worker(name, version) for name, version in zip(names, versions, strict=False)),
        store=((submitted.key, submitted.to_bytes(), 0.0),),
    )
    search = FinishSearch(monkeypatch, ticks=1, crashes=1, retries=1)
    assert search.explore(start) > 100
