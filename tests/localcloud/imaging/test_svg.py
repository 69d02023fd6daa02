"""SVG compression: smaller, the same to look at, and never hostile."""

import json
import time

import numpy
import pytest
import pyvips

from localcloud.imaging import ImageError, describe, process, svg
from shared.rules import parse
from tests.localcloud.imaging.pictures import photo

SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
DRAWING = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- Made by hand -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg {SVG} xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
     width="200" height="100" viewBox="0 0 200 100" inkscape:version="1.0">
  <metadata>   <x>nobody reads this</x>   </metadata>
  <defs>
    <linearGradient id="shade"><stop offset="0" stop-color="#ff0000"/>
      <stop offset="1" stop-color="#0000ff"/></linearGradient>
  </defs>
  <style type="text/css">/* a rule */ .dot {{ fill: url(#shade); }}</style>
  <g id="layer1" inkscape:label="Layer 1">
    <rect x="10.000000" y="10.000000" width="80.000000" height="80.000000"
          style="fill:#00ff00;stroke:none;stroke-width:1"/>
    <circle class="dot" cx="150.00000" cy="50.00000" r="40.00000"/>
    <a xlink:href="https://www.example.com/"><path d="M 10.0 10.0 L 20.0 10.0 L 20.0 20.0 z"/></a>
    <use xlink:href="#layer0"/>
  </g>
</svg>
"""


def compressed(text, rule="format/svgc"):
    data = text if isinstance(text, bytes) else text.encode()
    return process(data, parse(f"imageMogr2/{rule}"))


def pixels(data):
    # The engine blocks this loader for the whole process; drawings of the tests are no danger.
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    try:
        return pyvips.Image.svgload_buffer(data).numpy()
    finally:
        pyvips.operation_block_set("VipsForeignLoadSvg", True)


def test_it_is_smaller_and_looks_the_same():
    result = compressed(DRAWING)
    assert len(result.data) < 0.65 * len(DRAWING)
    assert (result.content_type, result.format) == ("image/svg+xml", "svg")
    assert (result.width, result.height) == (200, 100)
    assert b"nobody reads" not in result.data
    assert b"inkscape" not in result.data
    assert numpy.array_equal(pixels(result.data), pixels(DRAWING.encode()))
    assert len(compressed(result.data).data) <= len(result.data)


def test_ids_stay_because_pages_refer_to_them():
    assert b'id="shade"' in compressed(DRAWING).data
    sprite = f'<svg {SVG}><symbol id="icon-home"><path d="M0 0h9v9z"/></symbol></svg>'
    assert b'id="icon-home"' in compressed(sprite).data


def test_a_drawing_that_cannot_shrink_comes_back_as_it_is():
    tiny = f"<svg {SVG}/>".replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").encode()
    assert len(compressed(tiny).data) <= len(tiny)


@pytest.mark.parametrize(
    ("inside", "part"),
    [
        ("<script>alert(1)</script>", "<script>"),
        ('<g onload="alert(1)"/>', "onload"),
        ('<g ONCLICK="alert(1)"/>', "onclick"),
        ('<a xlink:href="javascript:alert(1)"><g/></a>', "javascript"),
        ('<a href=" JaVaScript:alert(1)"><g/></a>', "JaVaScript"),
        ('<image xlink:href="http://evil.example/a.png"/>', "evil.example"),
        ('<image href="//evil.example/a.png"/>', "evil.example"),
        ('<image href="file:///etc/passwd"/>', "file:"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "svg+xml"),
        ('<use href="other.svg#a"/>', "other.svg"),
        ('<feImage href="http://evil.example/"/>', "evil.example"),
        ("<foreignObject><b/></foreignObject>", "foreignObject"),
        ('<iframe src="http://evil.example"/>', "iframe"),
        ('<rect fill="url(http://evil.example/#a)"/>', "evil.example"),
        ('<rect style="fill:url( \'http://evil.example/#a\')"/>', "evil.example"),
        ('<rect style="fill:u\\72l(http://evil.example/)"/>', "evil.example"),
        ("<style>@import 'http://evil.example/a.css';</style>", "style"),
        ("<style>@im/**/port 'http://evil.example/a.css';</style>", "style"),
        ("<style>a{background:url(//evil.example)}</style>", "evil.example"),
        ('<set attributeName="xlink:href" to="javascript:alert(1)"/>', "href"),
        ('<animate attributeName="onclick" values="alert(1)"/>', "onclick"),
        ('<g xml:base="http://evil.example/"/>', "evil.example"),
        ('<link rel="stylesheet" href="http://evil.example/"/>', "link"),
    ],
)  # fmt: skip
def test_what_can_run_or_load_is_refused(inside, part):
    text = f"<svg {SVG}>{inside}<rect width='9' height='9'/></svg>"
    with pytest.raises(ImageError) as caught:
        compressed(text)
    assert caught.value.number == -443
    assert part in caught.value.message
    assert compressed(text, "format/svgc/ignore-error/1").data == text.encode()


def test_a_style_sheet_outside_is_refused():
    text = f'<?xml-stylesheet href="http://evil.example/a.css"?><svg {SVG}/>'
    with pytest.raises(ImageError) as caught:
        compressed(text)
    assert caught.value.number == -443


def test_entities_are_not_expanded():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE svg [<!ENTITY l0 "lol">{laughs}]><svg {SVG}><text>&l9;</text></svg>'
    outside = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg {SVG}>&x;</svg>'
    for text in (bomb, outside):
        with pytest.raises(ImageError) as caught:
            compressed(text)
        assert caught.value.number == -443
        assert "entities" in caught.value.message


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (f"<svg {SVG}><g>", -120),
        (f"<svg {SVG}><g></svg>", -120),
        ("<html><body/></html>", -443),
        ("<svg><g/></svg>", -443),
        ("plain text", -443),
        ("", -40168),
        (f"<svg {SVG}>" + "<g>" * 300 + "</g>" * 300 + "</svg>", -443),
        (f"<svg {SVG}>" + "<g/>" * 200_001 + "</svg>", -443),
        (b"\x1f\x8b\x08\x00" + b"\0" * 60, -443),
        ('<?xml version="1.0" encoding="nope"?><svg/>', -120),
    ],
)
def test_what_is_no_drawing_is_refused(text, number):
    with pytest.raises(ImageError) as caught:
        compressed(text)
    assert caught.value.number == number


def test_a_photo_is_no_drawing_and_a_drawing_no_photo():
    with pytest.raises(ImageError) as caught:
        compressed(photo(40, 30))
    assert caught.value.number == -443
    with pytest.raises(ImageError) as caught:
        process(DRAWING.encode(), parse("imageMogr2/thumbnail/100x"))
    assert caught.value.number == -441


@pytest.mark.parametrize(
    "rule", ["imageMogr2/thumbnail/10x/format/svgc", "imageMogr2/format/svgc|imageMogr2/strip"]
)
def test_svgc_stands_alone(rule):
    with pytest.raises(ImageError) as caught:
        process(DRAWING.encode(), parse(rule))
    assert caught.value.number == -60998
    assert process(DRAWING.encode(), parse("imageMogr2/strip/format/svgc")).format == "svg"


def test_work_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(svg, "_SECONDS", 0.2)
    paths = "".join(f'<path d="M{n} {n}L{n + 1} 5z"/>' for n in range(20_000))
    started = time.monotonic()
    with pytest.raises(ImageError) as caught:
        compressed(f"<svg {SVG}>{paths}</svg>")
    assert caught.value.number == -901
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="200" height="100"', (200, 100)),
        ('width="2in" height="25.4mm"', (192, 96)),
        ('width="100%" height="100%" viewBox="0 0 640 480"', (640, 480)),
        ('viewBox="0,0,31.5,10"', (32, 10)),
        ('viewBox="junk"', (300, 150)),
        ("", (300, 150)),
        ('width="99999999999999" height="0"', (999_999, 1)),
    ],
)
def test_its_size_and_facts(attributes, size):
    text = f"<svg {SVG} {attributes}/>".encode()
    facts = describe(text)
    assert (facts.width, facts.height) == size
    assert (facts.format, facts.average, facts.size) == ("svg", None, len(text))
    info = json.loads(process(text, parse("imageInfo")).data)
    assert (info["format"], info["width"]) == ("svg", str(size[0]))
    assert "photo_rgb" not in info


def test_other_encodings_are_read():
    text = f'<?xml version="1.0" encoding="UTF-16"?><svg {SVG} width="20" height="10"/>'
    assert describe(text.encode("utf-16")).width == 20
