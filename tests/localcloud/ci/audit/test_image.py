"""Pictures: one at a time on the bucket's own host, and in batches."""

import json
import os

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB, OFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from defusedxml.ElementTree import fromstring

from localcloud.ci.audit.encryption import decrypted

PROCESS = {"ci-process": "sensitive-content-recognition"}
BATCH = "image/auditing"


def recognize(bucket, key, **params):
    answer = bucket.get(bucket.presigned(key, PROCESS | params))
    assert answer.status == 200, answer.body
    root = fromstring(answer.body)
    assert root.tag == "RecognitionResult"
    return root


def batch(bucket, inputs, conf=""):
    answer = bucket.ci("POST", BATCH, f"<Request>{inputs}<Conf>{conf}</Conf></Request>")
    assert answer.status == 200, answer.body
    root = fromstring(answer.body)
    assert root.findtext("RequestId") == answer.headers["x-ci-request-id"]
    return root.findall("JobsDetail")


def test_the_verdict_tells_scene_score_and_who_judged(audited):
    audited.put("a.jpg", audit="block")
    root = recognize(audited, "a.jpg", **{"biz-type": "strict", "dataid": "d 1"})
    assert {node.tag: node.text for node in root if not len(node)} == {
        "DataId": "d 1", "JobId": root.findtext("JobId"), "State": "Success", "Object": "a.jpg",
        "CompressionResult": "0", "Label": "Porn", "SubLabel": "SexBehavior", "Result": "1",
        "Category": "Body", "Score": "96", "Text": None,
    }  # fmt: skip
    assert root.findtext("JobId").startswith("si")
    porn = {node.tag: node.text for node in root.find("PornInfo")}
    assert porn["HitFlag"] == "1"
    assert (porn["Code"], porn["Msg"], porn["Score"]) == ("0", "OK", "96")
    assert porn["Engine"] == "policy"
    assert porn["Reason"].startswith("decided by policy.yml:")
    assert root.findtext("AdsInfo/HitFlag") == "0"
    # This host has an older name for the scene; no rule decides it, and no engine is there.
    assert root.findtext("TerroristInfo/HitFlag") == "2"
    assert root.findtext("TerroristInfo/Msg") == "no local engine"


def test_what_no_engine_judges_is_suspected_and_says_so(audited):
    audited.put("nobody-knows.jpg")
    root = recognize(audited, "nobody-knows.jpg")
    assert [root.findtext(name) for name in ("Result", "Label", "Score")] == ["2", "Porn", "61"]
    assert {info.findtext("Reason") for info in root if len(info)} == {"no local engine"}
    assert {info.tag for info in root if len(info)} == {"PornInfo", "AdsInfo"}


def test_scenes_are_those_asked_for_unless_a_biz_type_says_others(audited):
    audited.put("clean/a.jpg")

    def scenes(**params):
        root = recognize(audited, "clean/a.jpg", **params)
        return [node.tag for node in root if len(node)]

    assert scenes(**{"detect-type": "porn,politics"}) == ["PornInfo", "PoliticsInfo"]
    assert scenes(**{"detect-type": "porn", "biz-type": "lenient"}) == ["AdsInfo"]


def test_an_address_goes_before_the_key(audited, other):
    audited.put("clean/a.jpg")
    other.put("bad/b.jpg")
    signed = other.presigned("bad/b.jpg")
    root = recognize(audited, "clean/a.jpg", **{"detect-url": signed})
    assert root.findtext("Url") == signed
    assert root.find("Object") is None
    # The rules name keys of the bucket itself: nothing decides on an address.
    assert root.findtext("Result") == "2"
    client = audited.client
    found = client.get_object_sensitive_content_recognition(Bucket=audited.name, DetectUrl=signed)
    assert found["Url"] == signed


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.jpg",
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a/b",
    ],
)
def test_no_network_is_opened(audited, url):
    answer = audited.get(audited.presigned("x", PROCESS | {"detect-url": url}))
    assert (answer.status, answer.error[0], answer.error[1]) in (
        (400, "ImageFetchFailed", "-65010"),
        (404, "NoSuchKey", "-61011"),
    )


def test_a_private_object_needs_a_signed_address(audited, other):
    other.put("secret.jpg")
    answer = audited.get(
        audited.presigned("x", PROCESS | {"detect-url": other.address("secret.jpg")})
    )
    assert answer.error[:2] == ("ImageFetchFailed", "-65010")


def test_an_asynchronous_one_is_asked_for_later(audited, listener):
    audited.put("bad/a.jpg")
    root = recognize(
        audited, "bad/a.jpg", **{"async": "1", "callback": f"{listener.url}/x", "dataid": "9"}
    )
    assert {node.tag: node.text for node in root} == {
        "DataId": "9", "JobId": root.findtext("JobId"), "State": "Submitted", "Object": "bad/a.jpg",
    }  # fmt: skip
    call = listener.next()
    assert call.headers["X-Ci-Content-Version"] == "Detail"
    told = json.loads(call.body)
    assert (told["EventName"], told["JobsDetail"]["Result"]) == ("ReviewImage", 1)
    done = audited.job(BATCH, root.findtext("JobId"))
    assert done.findtext("Score") == str(told["JobsDetail"]["Score"]) == "97"


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"interval": "0"}, "interval"),
        ({"max-frames": "x"}, "max-frames"),
        ({"max-frames": "0"}, "max-frames"),
        ({"large-image-detect": "2"}, "large-image-detect"),
        ({"async": "yes"}, "async"),
        ({"dataid": "d" * 513}, "DataId"),
        ({"detect-type": "porn,cats"}, "cats"),
        ({"detect-url": "ftp://a/b"}, "detect-url"),
        ({"async": "1", "callback": "gopher://a"}, "callback"),
    ],
)
def test_a_wrong_parameter_is_named(audited, params, named):
    audited.put("clean/a.jpg")
    answer = audited.get(audited.presigned("clean/a.jpg", PROCESS | params))
    code, _, message = answer.error
    assert (answer.status, code) == (400, "InvalidArgument")
    assert named in message


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"biz-type": "unknown"}, (400, "InvalidArgument", "-65016")),
        ({"biz-type": "nothing"}, (400, "InvalidArgument", "-65015")),
        ({"detect-type": ""}, (400, "InvalidArgument", "-65015")),
    ],
)
def test_policies_that_do_not_exist_or_are_empty(audited, params, error):
    audited.put("clean/a.jpg")
    answer = audited.get(audited.presigned("clean/a.jpg", PROCESS | params))
    assert (answer.status, *answer.error[:2]) == error


def test_content_that_cannot_be_judged_has_the_manuals_number(audited):
    audited.put("empty.jpg", b"")
    audited.put("broken/a.jpg")
    audited.put("large.jpg", bytes(5 * 1024**2 + 1))
    audited.put("huge.jpg", bytes(32 * 1024**2 + 1))

    def number(key, **params):
        answer = audited.get(audited.presigned(key, PROCESS | params))
        return answer.status, answer.error[1]

    assert number("missing.jpg") == (404, "-61011")
    assert number("empty.jpg") == (400, "-65007")
    assert number("broken/a.jpg") == (400, "-65007")
    assert number("large.jpg") == (400, "-65011")
    assert number("huge.jpg", **{"large-image-detect": "1"}) == (400, "-65011")
    assert recognize(audited, "large.jpg", **{"large-image-detect": "1"}).findtext("Result") == "2"


def test_a_version_can_be_named(audited):
    audited.client.put_bucket_versioning(Bucket=audited.name, Status="Enabled")
    audited.put("a.jpg", audit="block")
    version = audited.head("a.jpg")["x-cos-version-id"]
    audited.put("a.jpg", b"harmless")
    assert recognize(audited, "a.jpg").findtext("Result") == "2"
    assert recognize(audited, "a.jpg", versionId=version).findtext("Result") == "1"


def test_the_name_of_the_process_alone_asks_for_the_object(audited):
    audited.put("a.jpg")
    answer = audited.get(audited.presigned("a.jpg", {"sensitive-content-recognition": ""}))
    assert answer.body == b"content"


def test_one_needs_a_signature_and_a_bound_bucket(audited):
    audited.put("clean/a.jpg")
    url = f"{audited.address('clean/a.jpg')}?ci-process={PROCESS['ci-process']}"
    assert audited.get(url).error[0] == "AccessDenied"
    audited.pic("PUT", {"unbind": ""})
    assert audited.get(audited.presigned("clean/a.jpg", PROCESS)).error[:2] == (
        "MediaBucketUnBinded",
        "-163",
    )


def test_a_batch_answers_in_order_and_bad_ones_fail_alone(audited):
    for key in ("clean/a.jpg", "bad/b.jpg", "broken/c.jpg"):
        audited.put(key)
    found = batch(
        audited,
        "<Input><Object>clean/a.jpg</Object><DataId>1</DataId></Input>"
        "<Input><Object>bad/b.jpg</Object><DataId>2</DataId></Input>"
        "<Input><Object>broken/c.jpg</Object><DataId>3</DataId></Input>"
        "<Input><Object>missing.jpg</Object><DataId>4</DataId></Input>"
        "<Input><Object>clean/a.jpg</Object><MaxFrames>0</MaxFrames><DataId>5</DataId></Input>"
        "<Input><DataId>6</DataId></Input>",
    )
    rows = [[one.findtext(name) for name in ("DataId", "State", "Code", "Result")] for one in found]
    assert rows == [
        ["1", "Success", None, "0"],
        ["2", "Success", None, "1"],
        ["3", "Failed", "-65007", None],
        ["4", "Failed", "-61011", None],
        ["5", "Failed", "InvalidArgument", None],
        ["6", "Failed", "InvalidArgument", None],
    ]
    assert found[4].findtext("Message").startswith("Param MaxFrames is illegal")


def test_content_goes_before_object_and_object_before_url(audited, encode):
    audited.put("bad/a.jpg")
    both = f"<Object>bad/a.jpg</Object><Url>{audited.address('x')}</Url>"
    content = f"<Content>{encode(b'a picture')}</Content>"
    of_object, of_content = batch(
        audited,
        f"<Input>{both}</Input><Input>{content}{both}</Input>",
        "<BizType>lenient</BizType>",
    )
    assert (of_object.findtext("Object"), of_object.findtext("Result")) == ("bad/a.jpg", "1")
    assert of_content.find("Object") is None
    assert of_content.findtext("Result") == "2"


def test_what_came_with_an_input_comes_back(audited):
    audited.put("clean/a.jpg")
    (found,) = batch(
        audited,
        "<Input><Object>clean/a.jpg</Object><UserInfo><TokenId>t</TokenId><Room>&lt;r&gt;</Room>"
        "</UserInfo></Input>",
        "<DetectType>Porn,Illegal</DetectType>",
    )
    info = found.find("UserInfo")
    assert {node.tag: node.text for node in info} == {"TokenId": "t", "Room": "<r>"}
    assert [node.tag for node in found if node.tag.endswith("Info") and node is not info] == [
        "PornInfo",
        "IllegalInfo",
    ]
    assert found.findtext("ForbidState") == "0"


def test_an_asynchronous_batch(audited):
    audited.put("bad/a.jpg")
    found = batch(
        audited,
        "<Input><Object>bad/a.jpg</Object></Input><Input><Object>missing</Object></Input>",
        "<Async>1</Async>",
    )
    assert {one.findtext("State") for one in found} == {"Submitted"}
    bad, missing = (audited.finished(BATCH, one.findtext("JobId")) for one in found)
    assert bad.findtext("Result") == "1"
    assert [missing.findtext(name) for name in ("State", "Code")] == ["Failed", "-61011"]


MODES = {"ctr": CTR, "cfb": CFB, "ofb": OFB}


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_encrypted_content_is_opened(encode, bits, mode):
    key, iv, plain = os.urandom(bits // 8), os.urandom(16), b"some picture"
    cipher = Cipher(AES(key), MODES[mode](iv)).encryptor()
    data = cipher.update(plain) + cipher.finalize()
    encryption = {"Algorithm": f"AES-{bits}-{mode}", "Key": encode(key), "IV": encode(iv)}
    assert b"".join(decrypted([data[:5], data[5:]], encryption)) == plain


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("<Algorithm>aes-256-gcm</Algorithm>", "Algorithm"),
        ("<Key>c2hvcnQ=</Key>", "Key"),
        ("<IV>%%</IV>", "IV"),
        ("<KeyType>1</KeyType>", "KeyType"),
    ],
)
def test_encryption_that_is_wrong_fails_the_input(audited, encode, wrong, named):
    audited.put("clean/a.jpg")
    fields = {
        "Algorithm": "aes-128-ctr",
        "Key": encode(bytes(16)),
        "IV": encode(bytes(16)),
        "KeyType": "0",
    }
    tag = wrong[1 : wrong.index(">")]
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if name != tag)
    (found,) = batch(
        audited,
        f"<Input><Object>clean/a.jpg</Object><Encryption>{wrong}{rest}</Encryption></Input>",
    )
    assert [found.findtext(name) for name in ("State", "Code")] == ["Failed", "InvalidArgument"]
    assert f"Encryption.{named}" in found.findtext("Message")


def test_keys_are_not_told_again(audited, encode):
    audited.put("clean/a.jpg")
    key = encode(os.urandom(16))
    (found,) = batch(
        audited,
        f"<Input><Object>clean/a.jpg</Object><Encryption><Algorithm>aes-128-ctr</Algorithm>"
        f"<Key>{key}</Key><IV>{encode(bytes(16))}</IV></Encryption></Input>",
    )
    assert {node.tag for node in found.find("Encryption")} == {"Algorithm"}
    answer = audited.ci("GET", f"{BATCH}/{found.findtext('JobId')}")
    assert key.encode() not in answer.body
    assert key.encode() not in (audited.cloud.data / "audits.sqlite3").read_bytes()


def test_a_symlink_is_its_target(audited):
    audited.put("target.jpg", audit="block")
    url = audited.client.get_presigned_url(
        Bucket=audited.name, Key="link.jpg", Method="PUT", Params={"symlink": ""}
    )
    made = audited.request("PUT", url, {"x-cos-symlink-target": "target.jpg"})
    assert made.status == 200, made.body
    assert recognize(audited, "link.jpg").findtext("Result") == "1"
