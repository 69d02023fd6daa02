"""Templates of target keys."""

import pytest

from shared.events import Upload
from shared.templates import PLACEHOLDERS, Template, TemplateError, placeholder_values


def render(text, key="uploads/2026/Photo.JPG", prefix="uploads/"):
    upload = Upload(
        bucket="b-1", region="ap-guangzhou", key=key, event_time=1795219200, version_id="v1"
    )
    values = placeholder_values(upload, prefix=prefix, pipeline="photos", output="small", etag="e7")
    return Template.parse(text).render(values)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("/{key}.webp", "/uploads/2026/Photo.JPG.webp"),
        ("/{dir}/x", "/uploads/2026/x"),
        ("/out/{subdir}/{name}", "/out/2026/Photo.JPG"),
        ("{stem}.{ext}", "Photo.jpg"),
        ("{date}|{year}|{month}|{day}", "2026-11-21|2026|11|21"),
        ("{etag}-{version}", "e7-v1"),
        ("{bucket}/{pipeline}/{output}", "b-1/photos/small"),
        ("plain", "plain"),
    ],
)
def test_placeholders(text, key):
    assert render(text) == key


@pytest.mark.parametrize(
    ("key", "prefix", "rendered"),
    [
        ("uploads/a.jpg", "uploads/", "/out/a"),
        ("a.jpg", "", "/out/a"),
        ("uploads/img_a.jpg", "uploads/img_", "/out/img_a"),
        ("uploads/x/y/a.jpg", "uploads/", "/out/x/y/a"),
        ("uploads/.htaccess", "uploads/", "/out/.htaccess"),
        ("uploads/archive.tar.gz", "uploads/", "/out/archive.tar"),
        ("uploads/{key}.jpg", "uploads/", "/out/{key}"),
    ],
)
def test_an_empty_folder_leaves_no_double_slash(key, prefix, rendered):
    assert render("/out/{subdir}/{stem}", key, prefix) == rendered


@pytest.mark.parametrize("text", ["{nope}", "{}", "{key", "key}", "{{key}}", "{key!r}", "{key:10}"])
def test_mistakes_are_named(text):
    with pytest.raises(TemplateError):
        Template.parse(text)


def test_an_unknown_placeholder_lists_those_that_exist():
    with pytest.raises(TemplateError) as caught:
        Template.parse("{user}")
    for name in PLACEHOLDERS:
        assert f"{{{name}}}" in str(caught.value)
