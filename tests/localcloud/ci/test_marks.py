"""Image watermarks through the local cloud: which addresses are followed, and which are not."""

import base64
import io

import pytest
from PIL import Image
from qcloud_cos import CosServiceError


def encoded(size, color, kind="PNG"):
    body = io.BytesIO()
    Image.new("RGB", size, color).save(body, kind)
    return body.getvalue()


@pytest.fixture
def bucket(cloud):
    name = cloud.new_bucket()
    client = cloud.client()
    client.put_object(Bucket=name, Key="photo.png", Body=encoded((200, 100), "black"))
    client.put_object(Bucket=name, Key="open.png", Body=encoded((50, 20), "red"), ACL="public-read")
    client.put_object(Bucket=name, Key="closed.png", Body=encoded((50, 20), "red"))
    return name


def rule(address):
    return f"watermark/1/image/{base64.urlsafe_b64encode(address.encode()).decode()}/dissolve/100"


def processed(cloud, bucket, address, tmp_path):
    target = tmp_path / "out.png"
    cloud.client().ci_get_object(
        Bucket=bucket, Key="photo.png", DestImagePath=str(target), Rule=rule(address)
    )
    return Image.open(target)


def host(bucket):
    return f"{bucket}.cos.ap-guangzhou.myqcloud.com"


def test_a_public_mark_of_the_same_bucket(cloud, bucket, tmp_path):
    image = processed(cloud, bucket, f"http://{host(bucket)}/open.png", tmp_path)
    assert image.convert("RGB").getpixel((190, 95)) == (255, 0, 0)
    assert image.convert("RGB").getpixel((10, 10)) == (0, 0, 0)


def test_a_private_mark_needs_a_signature(cloud, bucket, tmp_path):
    with pytest.raises(CosServiceError) as caught:
        processed(cloud, bucket, f"http://{host(bucket)}/closed.png", tmp_path)
    assert "signature" in caught.value.get_error_msg()
    address = cloud.client().get_presigned_url(Bucket=bucket, Key="closed.png", Method="GET")
    image = processed(cloud, bucket, address, tmp_path)
    assert image.convert("RGB").getpixel((190, 95)) == (255, 0, 0)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:22/open.png",
        "http://localhost/{bucket}/open.png",
        "http://169.254.169.254/latest/meta-data",
        "http://examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/open.png",
        "http://{bucket}.cos.ap-shanghai.myqcloud.com/open.png",
        "http://{bucket}.file.myqcloud.com/open.png",
        "http://{bucket}.pic.ap-guangzhou.myqcloud.com/open.png",
        "http://user@{bucket}.cos.ap-guangzhou.myqcloud.com@evil.example/open.png",
        "http://evil.example/?{bucket}.cos.ap-guangzhou.myqcloud.com",
        "http://",
    ],
)
def test_an_address_elsewhere_is_refused(cloud, bucket, tmp_path, address):
    with pytest.raises(CosServiceError) as caught:
        processed(cloud, bucket, address.replace("{bucket}", bucket), tmp_path)
    assert caught.value.get_status_code() == 400
    assert caught.value.get_error_code() == "InvalidArgument"


@pytest.mark.parametrize("key", ["missing.png", ""])
def test_a_mark_that_is_not_there(cloud, bucket, tmp_path, key):
    with pytest.raises(CosServiceError) as caught:
        processed(cloud, bucket, f"http://{host(bucket)}/{key}", tmp_path)
    assert caught.value.get_error_code() == "ImageFetchFailed"


def test_it_is_stored_when_the_rule_persists(cloud, bucket):
    operations = f'{{"rules":[{{"fileid":"/marked.png","rule":"{rule(f"http://{host(bucket)}/open.png")}"}}]}}'
    client = cloud.client()
    client.ci_image_process(Bucket=bucket, Key="photo.png", PicOperations=operations)
    body = client.get_object(Bucket=bucket, Key="marked.png")["Body"].get_raw_stream().read()
    assert Image.open(io.BytesIO(body)).convert("RGB").getpixel((190, 95)) == (255, 0, 0)


def test_more_than_ten_different_marks_are_refused(cloud, bucket):
    def operations(count):
        pipes = [
            "|".join(rule(f"http://{host(bucket)}/open.png?v={n}") for n in numbers)
            for numbers in (range(min(count, 6)), range(6, count))
        ]
        rules = ",".join(
            f'{{"fileid":"/m{n}.png","rule":"{pipe}"}}' for n, pipe in enumerate(pipes)
        )
        return f'{{"rules":[{rules}]}}'

    client = cloud.client()
    client.ci_image_process(Bucket=bucket, Key="photo.png", PicOperations=operations(10))
    with pytest.raises(CosServiceError) as caught:
        client.ci_image_process(Bucket=bucket, Key="photo.png", PicOperations=operations(11))
    assert "at most 10" in caught.value.get_error_msg()


IGNORING = "imageMogr2/thumbnail/!50p/ignore-error/1|"
ELSEWHERE = "http://127.0.0.1:22/open.png"


@pytest.mark.parametrize("key", ["missing.png", "closed.png", "photo.png/", ELSEWHERE])
def test_a_mark_that_cannot_be_read_is_an_error_that_can_be_ignored(cloud, bucket, key, tmp_path):
    """CI manual 004:1322: what fails answers with the original and with no error."""
    original = cloud.client().get_object(Bucket=bucket, Key="photo.png")["Body"]
    wanted = original.get_raw_stream().read()
    address = key if "//" in key else f"http://{host(bucket)}/{key}"
    for mark in (rule(address), rule(address).replace("/1/", "/3/type/2/").partition("/diss")[0]):
        target = tmp_path / "out.png"
        cloud.client().ci_get_object(
            Bucket=bucket, Key="photo.png", DestImagePath=str(target), Rule=IGNORING + mark
        )
        assert target.read_bytes() == wanted


def test_only_the_rules_that_ignore_errors_store_the_original(cloud, bucket):
    """Of one request; a rule without the parameter fails all, as ever."""
    good, bad = (rule(f"http://{host(bucket)}/{key}") for key in ("open.png", "missing.png"))
    client = cloud.client()

    def process(*texts):
        rules = ",".join(
            f'{{"fileid":"/out{n}.png","rule":"{text}"}}' for n, text in enumerate(texts)
        )
        client.ci_image_process(
            Bucket=bucket, Key="photo.png", PicOperations=f'{{"rules":[{rules}]}}'
        )

    process(good, IGNORING + bad, IGNORING + good)
    sizes = []
    for number in range(3):
        body = client.get_object(Bucket=bucket, Key=f"out{number}.png")["Body"]
        image = Image.open(io.BytesIO(body.get_raw_stream().read())).convert("RGB")
        marked = image.getpixel((image.width - 5, image.height - 5)) == (255, 0, 0)
        sizes.append((image.size, marked))
    assert sizes == [((200, 100), True), ((200, 100), False), ((100, 50), True)]
    with pytest.raises(CosServiceError) as caught:
        process(IGNORING + bad, bad)
    assert caught.value.get_error_code() == "ImageFetchFailed"
