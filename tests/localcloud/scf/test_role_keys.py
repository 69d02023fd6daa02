"""The temporary keys of functions: how long they are the same, and that old ones end."""

import json
import time

from localcloud.scf.role_keys import RoleKeys
from shared.settings import Credentials
from tests.localcloud.scf.conftest import call, scf_client

HANDLER = """\
import os, time
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

def main_handler(event, context):
    if event.get("keys"):
        secret_id, secret_key, token = event["keys"]
    else:
        secret_id, secret_key, token = (
            os.environ["TENCENTCLOUD_" + name] for name in ("SECRETID", "SECRETKEY", "SESSIONTOKEN")
        )
    config = CosConfig(Region="ap-guangzhou", SecretId=secret_id, SecretKey=secret_key,
                       Token=token, Scheme=os.environ["COS_SCHEME"])
    try:
        CosS3Client(config, retry=0).list_objects("examplebucket-1250000000")
        outcome = "done"
    except CosServiceError as error:
        outcome = error.get_error_code()
    return {"pid": os.getpid(), "keys": [secret_id, secret_key, token], "outcome": outcome}
"""


def test_keys_are_the_same_for_half_of_their_life():
    issued, now = [], [0.0]

    def issue(seconds):
        issued.append(seconds)
        return Credentials(f"AKID{len(issued)}", "key", "token")

    keys = RoleKeys(issue, 100.0, lambda: now[0])
    seen = []
    for now[0] in (0.0, 49.9, 50.0, 99.0, 100.0):
        seen.append(keys().secret_id)
    assert seen == ["AKID1", "AKID1", "AKID2", "AKID2", "AKID3"]
    assert issued == [100.0] * 3


def test_a_warm_instance_gets_new_keys_and_the_old_ones_expire(make_project, start_cloud):
    root = make_project({"f": HANDLER}, fields="timeout: 20\n")
    with start_cloud("--project", str(root), "--key-seconds", "1.5") as cloud:
        scf = scf_client(cloud.url)

        def run(**event):
            found = call(
                scf, "Invoke", FunctionName="demo-dev-app-f", ClientContext=json.dumps(event)
            )
            return json.loads(found.Result.RetMsg)

        first = run()
        deadline = time.monotonic() + 20
        while (later := run())["keys"] == first["keys"]:
            assert time.monotonic() < deadline
        assert later["pid"] == first["pid"]
        assert len({*first["keys"], *later["keys"]}) == 6
        while run(keys=first["keys"])["outcome"] == "done":
            assert time.monotonic() < deadline
        assert later["outcome"] == "done"
