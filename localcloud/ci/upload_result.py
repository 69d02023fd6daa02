"""The answer to persistent processing, as XML (CI manual 004:7171, 001 Returned Content)."""

from __future__ import annotations

from localcloud.cos import xml
from localcloud.imaging import ImageFacts, ImageResult
from localcloud.storage import StoredObject


def original_info(key: str, location: str, etag: str, facts: ImageFacts | None) -> str:
    """`OriginalInfo`; with `ImageInfo` only when the facts were asked for."""
    children = [
        xml.element("Key", key),
        xml.element("Location", location),
        xml.element("ETag", f'"{etag}"'),
    ]
    if facts is not None:
        children.append(image_info(facts))
    return xml.element("OriginalInfo", *children)


def image_info(facts: ImageFacts) -> str:
    """`ImageInfo` of the source. The format is in capitals here, as in the manual's sample."""
    fields = {
        "Format": facts.format.upper(),
        "Width": facts.width,
        "Height": facts.height,
        "Quality": facts.quality,
        "Ave": facts.average,
        "Orientation": facts.orientation,
        "FrameCount": facts.frames,
        "Md5": facts.md5,
        "BitDepth": facts.bit_depth,
        "VerticalDpi": facts.vertical_dpi,
        "HorizontalDpi": facts.horizontal_dpi,
    }
    known = ((name, value) for name, value in fields.items() if value is not None)
    return xml.element("ImageInfo", *(xml.element(name, value) for name, value in known))


def processed_object(stored: StoredObject, location: str, result: ImageResult) -> str:
    """`Object` of one stored result; `WatermarkStatus` where it has one (004:8630)."""
    fields: dict[str, object] = {
        "Key": stored.key,
        "Location": location,
        "Format": result.format,
        "Width": result.width,
        "Height": result.height,
        "Size": stored.size,
        "Quality": result.quality,
        "ETag": f'"{stored.etag}"',
        "FrameCount": result.frames,
        "Md5": stored.etag,
    }
    if result.watermark_status is not None:
        fields["WatermarkStatus"] = result.watermark_status
    return xml.element("Object", *(xml.element(name, value) for name, value in fields.items()))


def document(original: str, objects: list[str]) -> str:
    """`UploadResult`, the answer to PUT and to ?image_process."""
    return xml.document("UploadResult", [original, xml.element("ProcessResults", *objects)])


def multipart_document(
    stored: StoredObject, location: str, etag: str, original: str, objects: list[str]
) -> str:
    """The answer to Complete Multipart Upload: its usual fields with the results beside them.

    Clients take an answer without an ETag at the top for a failed upload.
    """
    fields = {
        "Location": f"http://{location}",
        "Bucket": stored.bucket,
        "Key": stored.key,
        "ETag": f'"{etag}"',
    }
    head = [xml.element(name, value) for name, value in fields.items()]
    results = xml.element("ProcessResults", *objects)
    return xml.document("CompleteMultipartUploadResult", [*head, original, results])
