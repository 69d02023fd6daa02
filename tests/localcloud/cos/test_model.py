"""Random operations against a small model of COS's semantics: no answer may differ."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from qcloud_cos import CosServiceError

KEYS = ("a", "a/b", "a/", "a//b", "b", "b+c d", "中/%2F", "~!")
BODIES = (b"", b"1", b"two", b"x" * 5000)
MARKER = None


@dataclass
class Model:
    """`versions` of a key are (id, body), newest first; a delete marker has MARKER as its body."""

    state: str = ""
    versions: dict = field(default_factory=dict)

    def visible(self, key):
        rows = self.versions.get(key)
        return rows[0][1] if rows else MARKER

    def push(self, key, version, body):
        rows = self.versions.setdefault(key, [])
        if self.state != "Enabled":
            rows[:] = [row for row in rows if row[0] != "null"]
        rows.insert(0, (version, body))

    def delete(self, key, marker):
        if self.state:
            self.push(key, marker, MARKER)
        else:
            self.versions.pop(key, None)

    def drop(self, key, version):
        rows = [row for row in self.versions.get(key, []) if row[0] != version]
        self.versions[key] = rows

    def listed(self):
        return sorted(key for key in self.versions if self.visible(key) is not MARKER)


class CosMachine(RuleBasedStateMachine):
    """One bucket of the cloud that the fixture of the test started."""

    cloud = None

    @initialize()
    def bucket(self):
        self.client, self.name = self.cloud.client(), self.cloud.new_bucket()
        self.model = Model()
        self.steps = itertools.count()

    def call(self, method, **options):
        """The answer, or the error's code."""
        try:
            return method(Bucket=self.name, **options)
        except CosServiceError as error:
            return error.get_error_code()

    @rule(key=st.sampled_from(KEYS), body=st.sampled_from(BODIES), tag=st.booleans())
    def put(self, key, body, tag):
        body = body + (str(next(self.steps)).encode() if tag else b"")
        answer = self.call(self.client.put_object, Key=key, Body=body)
        self.model.push(key, answer.get("x-cos-version-id") or "null", body)

    @rule(key=st.sampled_from(KEYS))
    def put_only_new(self, key):
        options = {"Metadata": {"x-cos-forbid-overwrite": "true"}}
        answer = self.call(self.client.put_object, Key=key, Body=b"new", **options)
        # The header does nothing in a bucket that ever had versions.
        if self.model.visible(key) is MARKER or self.model.state:
            self.model.push(key, answer.get("x-cos-version-id") or "null", b"new")
        else:
            assert answer == "FileAlreadyExists"

    @rule(key=st.sampled_from(KEYS))
    def get(self, key):
        answer = self.call(self.client.get_object, Key=key)
        expected = self.model.visible(key)
        if expected is MARKER:
            assert answer == "NoSuchKey"
        else:
            assert answer["Body"].get_raw_stream().read() == expected

    @rule(key=st.sampled_from(KEYS), pick=st.integers(0, 20))
    def get_version(self, key, pick):
        rows = self.model.versions.get(key)
        if not rows:
            return
        version, body = rows[pick % len(rows)]
        answer = self.call(self.client.get_object, Key=key, VersionId=version)
        if body is MARKER:
            assert answer == "MethodNotAllowed"
        else:
            assert answer["Body"].get_raw_stream().read() == body

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key):
        answer = self.call(self.client.delete_object, Key=key)
        self.model.delete(key, answer.get("x-cos-version-id"))

    @rule(key=st.sampled_from(KEYS), pick=st.integers(0, 20))
    def delete_version(self, key, pick):
        rows = self.model.versions.get(key)
        if rows:
            version, _ = rows[pick % len(rows)]
            self.call(self.client.delete_object, Key=key, VersionId=version)
            self.model.drop(key, version)

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    def delete_many(self, keys):
        wanted = {"Object": [{"Key": key} for key in keys]}
        answer = self.call(self.client.delete_objects, Delete=wanted)
        rows = {row["Key"]: row for row in answer["Deleted"]}
        for key in keys:
            self.model.delete(key, rows[key].get("DeleteMarkerVersionId"))

    @rule(source=st.sampled_from(KEYS), to=st.sampled_from(KEYS))
    def copy(self, source, to):
        place = {"Bucket": self.name, "Key": source, "Region": self.cloud.region}
        answer = self.call(self.client.copy_object, Key=to, CopySource=place)
        body = self.model.visible(source)
        if body is MARKER:
            assert answer == "NoSuchKey"
        elif source == to:
            assert answer == "InvalidRequest"
        else:
            self.model.push(to, answer.get("x-cos-version-id") or "null", body)

    @rule(state=st.sampled_from(["Enabled", "Suspended"]))
    @precondition(lambda self: len(self.model.versions) > 1)
    def switch(self, state):
        self.call(self.client.put_bucket_versioning, Status=state)
        self.model.state = state

    @rule(limit=st.integers(1, 5), delimiter=st.sampled_from(["", "/"]))
    def list_pages(self, limit, delimiter):
        keys, groups, marker = [], [], ""
        while True:
            page = self.client.list_objects(
                Bucket=self.name, MaxKeys=limit, Delimiter=delimiter, Marker=marker
            )
            keys += [row["Key"] for row in page.get("Contents", [])]
            groups += [row["Prefix"] for row in page.get("CommonPrefixes", [])]
            if page["IsTruncated"] == "false":
                break
            marker = page["NextMarker"]
        whole = self.model.listed()
        expected = {key[: key.index("/") + 1] for key in whole if delimiter and "/" in key}
        assert groups == sorted(expected)
        assert keys == [key for key in whole if not (delimiter and "/" in key)]

    @invariant()
    def everything_is_listed(self):
        if not hasattr(self, "model"):
            return
        page = self.client.list_objects_versions(Bucket=self.name)
        rows = [(row, False) for row in page.get("Version", [])]
        rows += [(row, True) for row in page.get("DeleteMarker", [])]
        found = {(row["Key"], row["VersionId"], row["IsLatest"], marker) for row, marker in rows}
        assert len(found) == len(rows)
        assert found == {
            (key, version, "true" if at == 0 else "false", body is MARKER)
            for key, held in self.model.versions.items()
            for at, (version, body) in enumerate(held)
        }


@pytest.mark.parametrize(("storage", "examples"), [("cloud", 20), ("shared_cloud", 6)])
def test_the_local_cloud_is_the_model(storage, examples, request):
    class Machine(CosMachine):
        pass

    Machine.cloud = request.getfixturevalue(storage)
    case = Machine.TestCase
    case.settings = settings(
        max_examples=examples, stateful_step_count=30, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    case("runTest").runTest()
