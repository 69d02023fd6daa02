"""ImageInspect, in the two spellings that clients use."""

import json


def test_a_clean_picture_and_a_hidden_film(bucket, photo):
    clean = photo(format="PNG")
    film = clean + (b"\x47" + bytes(187)) * 40
    bucket.put("clean.png", clean)
    bucket.put("film.png", film)
    expected = {
        "clean.png": {"picSize": len(clean), "picType": "png", "suspicious": False},
        "film.png": {
            "picSize": len(film),
            "picType": "PNG",
            "suspicious": True,
            "suspiciousBeginByte": len(clean),
            "suspiciousEndByte": len(film) - 1,
            "suspiciousSize": len(film) - len(clean),
            "suspiciousType": "MPEG-TS",
        },
    }
    for key, answer in expected.items():
        for params in ({"ci-process": "ImageInspect"}, {"imageInspect": ""}):
            response = bucket.get(bucket.presigned(key, params))
            assert response.status == 200
            assert json.loads(response.body) == answer
        _, data = bucket.client.ci_image_inspect(Bucket=bucket.name, Key=key)
        assert json.loads(data) == answer


def test_another_process_is_refused_by_name(bucket):
    bucket.put("a.jpg")
    response = bucket.get(bucket.presigned("a.jpg", {"ci-process": "DetectCar"}))
    assert response.status == 501
    assert response.error[0] == "NotImplemented"
    assert "DetectCar" in response.error[2]


def test_a_missing_object_and_a_stranger(bucket):
    response = bucket.get(bucket.presigned("gone.jpg", {"ci-process": "ImageInspect"}))
    assert response.error[0] == "NoSuchKey"
    host = f"{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com"
    assert bucket.get(f"http://{host}/gone.jpg?ci-process=ImageInspect").status == 403
