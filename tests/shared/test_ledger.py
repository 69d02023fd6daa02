"""The ledger against the real local cloud, and what it makes of objects that it did not write."""

import time

import pytest

from shared.claims import DEAD, Claim, Closed, Refusal, Step, Version, read
from shared.cos import Cos
from shared.dead_letters import DeadLetter, DeadLetters
from shared.errors import CloudError
from shared.events import Upload
from shared.ledger import CosStore, Ledger
from shared.settings import Settings

OLD, NEW = Version("a" * 32, 100), Version("b" * 32, 200)


@pytest.fixture
def cos(cloud, monkeypatch):
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return Cos(Settings.load(), cloud.region, time.monotonic() + 60)


@pytest.fixture
def bucket(cloud):
    return cloud.new_bucket()


@pytest.fixture
def ledger(cos, bucket):
    """`ledger(holder)`: the ledger as that invocation uses it; it never waits."""
    return lambda holder: Ledger(CosStore(cos, bucket), "s/", holder, patience=0)


STEP = Step("b-1", "uploads/图 a.jpg", "image", "photos")


def test_a_held_step_is_refused_until_it_is_closed(ledger):
    claim = ledger("one").claim(STEP, NEW, 60, {"event": {"a": "图"}})
    refusal = ledger("two").claim(STEP, NEW, 60, {})
    assert refusal.wait
    assert "another invocation works on this key, for" in refusal.reason
    ledger("one").close(claim, "done")
    assert ledger("two").claim(STEP, NEW, 60, {}) == Refusal(
        "this upload was processed before: done"
    )


def test_a_released_step_goes_to_whoever_comes(ledger):
    claim = ledger("one").claim(STEP, NEW, 60, {})
    ledger("one").release(claim)
    again = ledger("two").claim(STEP, NEW, 60, {})
    assert (again.generation, again.attempt, again.tries) == (2, 2, 1)


def test_a_lease_that_is_over_ends_the_claim(ledger):
    ledger("one").claim(STEP, NEW, -1, {})
    again = ledger("two").claim(STEP, NEW, 60, {})
    assert (again.attempt, again.holder) == (2, "two")


def test_the_same_invocation_takes_over_at_once_and_counts_its_tries(ledger):
    tries = [ledger("one").claim(STEP, NEW, 60, {}).tries for _ in range(3)]
    assert tries == [1, 2, 3]
    assert ledger("two").claim(STEP, NEW, 60, {}).wait


def test_a_dead_step_is_tried_again_for_its_letter_alone_and_goes_on_counting(ledger):
    claim = ledger("one").claim(STEP, NEW, 60, {})
    ledger("one").close(claim, DEAD)
    assert "given up" in ledger("two").claim(STEP, NEW, 60, {}).reason
    again = ledger("two").claim(STEP, NEW, 60, {}, dead_too=True)
    assert (again.attempt, again.tries) == (2, 1)


def test_submitted_work_waits_for_nobody_and_yields_to_a_newer_version(ledger):
    claim = ledger("one").claim(STEP, OLD, 60, {"event": {}})
    submitted = ledger("one").submit(claim, 3600, {"jobs": ["j1"]})
    assert ledger("two").claim(STEP, OLD, 60, {}) == Refusal("its jobs were submitted before")
    assert ledger("two").newest(claim.chain).claim == submitted
    newer = ledger("two").claim(STEP, NEW, 60, {})
    assert (newer.generation, newer.attempt) == (2, 1)
    assert ledger("one").newest(claim.chain).claim == newer
    assert submitted.details == {"event": {}, "jobs": ["j1"]}


def test_an_older_version_is_refused_even_while_the_newer_is_at_work(ledger):
    ledger("one").claim(STEP, NEW, 60, {})
    refusal = ledger("two").claim(STEP, OLD, 60, {})
    assert refusal == Refusal("a newer upload of this key is processed in its place")


def test_a_close_keeps_the_first_generation_fresh(ledger, cos, bucket):
    """A lifecycle rule deletes the oldest first; without its first claim a chain begins anew."""
    for number in range(3):
        holder = f"inv-{number}"
        claim = ledger(holder).claim(STEP, Version("c" * 31 + str(number), 100 + number), 60, {})
        ledger(holder).close(claim, "done")
    listed, _ = cos.list_objects(bucket, ledger("x").chain(STEP))
    assert len(listed) == 3
    texts = [cos.read_object(bucket, row.key).body for row in listed]
    assert texts[0] == texts[-1] != texts[1]


def test_an_answer_that_was_lost_does_not_lock_out_its_own_call(ledger, monkeypatch):
    """The write arrived, its answer did not, and the repeated write finds its own claim."""
    put_new = CosStore.put_new

    def twice(store, key, body):
        put_new(store, key, body)
        return put_new(store, key, body)

    monkeypatch.setattr(CosStore, "put_new", twice)
    claim = ledger("one").claim(STEP, NEW, 60, {})
    assert (claim.generation, claim.attempt) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"[" * 5000, b"closed done", b"\xff\x00", b"closed DONE     001 0 0\n",
     b'{"version": {"token": 1, "time": "x"}}'],
)  # fmt: skip
def test_what_is_no_claim_is_named(body):
    with pytest.raises(CloudError, match="s/claims/x/999998 cannot be read") as caught:
        read("s/claims/x/999998", body)
    assert (caught.value.code, caught.value.retryable) == ("InvalidState", False)
    assert caught.value.advice


def test_claims_are_read_as_they_were_written():
    claim = Claim("s/c/", NEW, "inv", "n", 60.0, 7, 3, 2, "running", {"event": {"k": "图\ud800"}})
    assert read(claim.key, claim.to_bytes()) == claim
    closed = Closed("rejected", 12, OLD)
    assert read("s/c/999990", closed.to_bytes()) == closed
    assert len(closed.to_bytes()) == 72 < len(claim.to_bytes())


def test_what_identifies_a_version():
    def token(**fields):
        return Version.of(Upload("b-1", "r", "k", 5, **fields)).token

    assert token(version_id="v1", request_id="r1") == token(version_id="v1", request_id="r2")
    assert token(request_id="r1") != token(request_id="r2")
    assert token(event_time=1) != token(event_time=2)
    assert token(event_time=1) == token(event_time=1)


def test_dead_letters_are_listed_read_and_dropped(cos, bucket):
    letters = DeadLetters(cos, bucket, "s/")
    written = [
        DeadLetter("b-1", f"k{n}", "image", "photos", {"Records": []}, {"code": "X"}, 3, 1.5, True)
        for n in range(3)
    ]
    for letter in written:
        letters.write(letter)
    ids = list(letters.ids())
    assert ids == sorted(letter.id for letter in written)
    assert list(letters.ids(after=ids[0])) == ids[1:]
    assert letters.read(written[0].id) == written[0]
    letters.drop(written[0].id)
    letters.drop(written[0].id)
    assert letters.read(written[0].id) is None
    cos.put_object(bucket, "s/dead/bad.json", b"{", "application/json")
    with pytest.raises(CloudError, match=r"s/dead/bad\.json is no dead letter"):
        letters.read("bad")
    with pytest.raises(CloudError, match=r"the id of a dead letter is '\.\./x'"):
        letters.drop("../x")


def test_a_letter_that_is_sent_again_stays_and_counts(cos, bucket):
    letters, sent = DeadLetters(cos, bucket, "s/"), []
    letter = DeadLetter("b-1", "k", "image", "p", {"Records": [1]}, {}, 3, 1.5, True, upload="u")
    letters.write(letter)
    answer = letters.retry(letter, lambda *call: sent.append(call) or "inv-7")
    assert (answer, sent) == ("inv-7", [("image", {"Records": [1], "letter": letter.id})])
    kept = letters.read(letter.id)
    assert (kept.retried, kept.time > letter.time) == (1, True)
    letters.bury(letter)
    assert letters.read(letter.id).retried == 1
    letters.bury(DeadLetter("b-1", "k", "image", "p", {}, {}, 3, 1.5, True, upload="newer"))
    assert letters.read(letter.id).retried == 0


def test_an_upload_of_a_listing_is_any_upload_of_its_second_or_later():
    def version(request_id, time=200, **fields):
        return Version.of(Upload("b-1", "r", "k", 5, event_time=time, request_id=request_id,
                                 **fields))  # fmt: skip

    listed, told = version("listed-200-etag"), version("r1")
    assert listed.is_told_by(told)
    assert listed.is_told_by(version("r2", 201))
    assert not listed.is_told_by(version("r2", 199))
    assert not told.is_told_by(listed), "an event is never taken for what a listing showed"
    assert not version("listed-200-etag", version_id="v1").is_told_by(told)
    assert version("listed-200-etag", version_id="v1").is_told_by(version("r1", version_id="v1"))
    forced = version("forced-run-200-etag", version_id="v1")
    assert not forced.is_told_by(version("r1", version_id="v1"))
    assert forced.is_told_by(version("forced-run-200-etag", version_id="v1"))
