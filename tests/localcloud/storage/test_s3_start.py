"""`localcloud serve --storage s3://...` that cannot start says why in one line."""

import os
import subprocess
import sys

import pytest

from tests.s3_store import s3_store

SERVE = [sys.executable, "-m", "localcloud", "serve", "--port", "0", "--no-functions"]


def failing(folder, *arguments, **environment):
    """(exit code, what it said); it has to end by itself."""
    done = subprocess.run(
        [*SERVE, "--data", str(folder / "data"), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **environment},
    )  # fmt: skip
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 or done.returncode == 2
    return done.returncode, done.stderr


def test_nobody_listens(tmp_path, store, closed_port):
    endpoint = f"http://127.0.0.1:{closed_port}"
    code, said = failing(
        tmp_path, "--storage", "s3://b-b/p", "--s3-endpoint", endpoint, **store.environment
    )
    assert code == 1
    assert f"the S3 store at {endpoint} does not answer" in said


def test_no_such_bucket(tmp_path, store):
    code, said = failing(
        tmp_path, "--storage", "s3://missing", "--s3-endpoint", store.endpoint, **store.environment
    )
    assert (code, f"the S3 store at {store.endpoint} has no bucket 'missing'" in said) == (1, True)


def test_no_store_but_a_web_server(tmp_path, store, cloud):
    code, said = failing(
        tmp_path, "--storage", "s3://missing", "--s3-endpoint", cloud.url, **store.environment
    )
    assert (code, f"the S3 store at {cloud.url} " in said) == (1, True)


def test_wrong_credentials(tmp_path):
    # moto checks them after so many actions: one creates the bucket.
    with s3_store(INITIAL_NO_AUTH_ACTION_COUNT="1") as strict:
        code, said = failing(
            tmp_path, "--storage", f"s3://{strict.bucket}", "--s3-endpoint", strict.endpoint,
            **strict.environment,
        )  # fmt: skip
        assert (code, "refuses the AWS credentials or their rights" in said) == (1, True)
        assert "store-secret-key" not in said


def test_no_credentials(tmp_path, store):
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    code, said = failing(
        tmp_path, "--storage", "s3://b-b", "--s3-endpoint", store.endpoint, **nowhere
    )
    assert (code, "credentials" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--storage", "s3:/b"], "s3:/b"),
        (["--storage", "gs://bucket"], "gs://bucket"),
        (["--storage", "s3://bucket/a/../b"], "a/../b"),
        (["--storage", "s3://bucket/" + "x" * 200], "128"),
        (["--storage", "s3://bucket", "--s3-endpoint", "ftp://h"], "ftp://h"),
        (["--storage", "s3://bucket", "--s3-endpoint", "http://a:hidden@h"], "AWS variables"),
        (["--storage", "s3://bucket", "--sync"], "--sync"),
        (["--s3-endpoint", "http://h"], "--storage s3://"),
    ],
)
def test_wrong_use(tmp_path, arguments, said):
    code, error = failing(tmp_path, *arguments)
    assert (code, said in error) == (2, True)
    assert "hidden" not in error
    assert not (tmp_path / "data").exists()


def test_without_boto3_it_is_named(tmp_path):
    (tmp_path / "boto3.py").write_text("raise ModuleNotFoundError('no', name='boto3')")
    code, said = failing(tmp_path, "--storage", "s3://bucket", PYTHONPATH=str(tmp_path))
    assert (code, "an S3 store needs boto3: pip install boto3" in said) == (1, True)


def test_a_folder_needs_neither_boto3_nor_greenlet():
    code = (
        "import sys, localcloud.commands.serve, localcloud.server;"
        "print({'boto3', 'botocore', 'greenlet', 'localcloud.storage.s3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("header", ["IfNoneMatch", "IfMatch"])
def test_a_store_that_ignores_conditions_is_refused(tmp_path, store, header, monkeypatch):
    from localcloud.storage import StorageUnavailable
    from localcloud.storage.s3.store import Store

    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    careless = Store(store.bucket, f"{header}/", store.endpoint)
    careless._client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: params.pop(header, None) and None
    )
    with pytest.raises(StorageUnavailable, match="cannot share it safely"):
        careless.check()
    assert store.names(f"s3://{store.bucket}/{header}") == []


def test_a_store_that_ignores_conditions_of_delete_still_works(store, monkeypatch, tmp_path):
    from localcloud.storage import Bucket
    from localcloud.storage.s3.storage import S3Storage
    from localcloud.storage.s3.store import Store
    from tests.localcloud.storage.test_storages import B, body, keys, put

    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    place = store.new_place()
    older = Store(store.bucket, place.rpartition("/")[2] + "/", store.endpoint)
    older._client.meta.events.register(
        "provide-client-params.s3.DeleteObject",
        lambda params, **_: params.pop("IfMatch", None) and None,
    )
    storage = S3Storage(older, tmp_path / "data")
    storage.create_bucket(Bucket(B, "ap-guangzhou", 1.0))
    put(storage, "k", b"1")
    put(storage, "other", b"2")
    storage.delete(B, "k")
    assert keys(storage) == ["other"]
    put(storage, "k", b"3", only_new=True)
    assert body(storage, "k") == b"3"
    for key in ("k", "other"):
        storage.delete(B, key)
    assert storage.scan_versions(B, "", ("", 0), 10) == []
    storage.delete_bucket(B)
    assert storage.buckets() == []
    storage.create_bucket(Bucket(B, "ap-guangzhou", 1.0))
    storage.close()
