"""The grammar: what is read, what is refused and why, and that nothing is lost on the way back."""

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import rules
from shared.rules import RuleError, parse

VALID = [
    # text, its canonical form (None: the same)
    ("imageMogr2/thumbnail/!50p", None),
    ("imageMogr2/thumbnail/!50px", None),
    ("imageMogr2/thumbnail/!x50p", None),
    ("imageMogr2/thumbnail/640x", None),
    ("imageMogr2/thumbnail/x300", None),
    ("imageMogr2/thumbnail/500x400", None),
    ("imageMogr2/thumbnail/500x400>", None),
    ("imageMogr2/thumbnail/500x400<", None),
    ("imageMogr2/thumbnail/!500x400r", None),
    ("imageMogr2/thumbnail/500x400!", None),
    ("imageMogr2/thumbnail/100000@", None),
    ("imageMogr2/thumbnail/600x600/pad/1/color/IzNEM0QzRA", None),
    ("imageMogr2/crop/300x400/gravity/center", None),
    ("imageMogr2/crop/300x400/gravity/SouthEast", "imageMogr2/crop/300x400/gravity/southeast"),
    ("imageMogr2/cut/600x600x100x10", None),
    ("imageMogr2/rotate/90", None),
    ("imageMogr2/auto-orient", None),
    ("imageMogr2/flip/vertical", None),
    ("imageMogr2/format/webp", None),
    ("imageMogr2/format/avif", None),
    ("imageMogr2/format/heif", None),
    ("imageMogr2/format/HEIC", "imageMogr2/format/heic"),
    ("imageMogr2/format/tpg", None),
    ("imageMogr2/format/svgc", None),
    ("imageMogr2/scrop/100x600", None),
    ("imageMogr2/interlace/1", None),
    ("imageMogr2/quality/90!", None),
    ("imageMogr2/rquality/80", None),
    ("imageMogr2/lquality/80", None),
    ("imageMogr2/strip", None),
    ("imageMogr2/thumbnail/!50p/rotate/90/strip/format/jpg/quality/80", None),
    ("imageMogr2/thumbnail/!50p/ignore-error/1", None),
    ("imageView2/1/w/400/h/600/q/85", None),
    ("imageView2/format/png", None),
    ("watermark/2/text/5pWw5o2u5LiH6LGh", None),
    ("watermark/1/image/aHR0cDovL2E", None),
    (
        "watermark/1/image/aHR0cDovL2E/gravity/north/dx/5/dy/6/blogo/1/dissolve/40/batch/1/degree/45",
        None,
    ),
    ("watermark/1/image/aHR0cDovL2E/scatype/3/spcent/250", None),
    ("watermark/3/type/1/image/aHR0cDovL2E", None),
    ("watermark/3/type/2/image/aHR0cDovL2E/level/3", None),
    ("watermark/3/level/1/image/aHR0cDovL2E/type/2", "watermark/3/type/2/image/aHR0cDovL2E"),
    ("watermark/3/type/3/text/dGVuY2VudCBjbG91ZA==", "watermark/3/type/3/text/dGVuY2VudCBjbG91ZA"),
    ("watermark/3/type/3/image/aHR0cDovL2E/text/dGVuY2VudA/level/2", None),
    ("watermark/4/type/1/image/aHR0cDovL2E", None),
    ("watermark/4/type/2/image/aHR0cDovL2E", None),
    ("watermark/4/type/3", None),
    ("imageMogr2/thumbnail/!50p|watermark/3/type/3/text/dGVuY2VudA", None),
    ("imageInfo", None),
    ("imageAve", None),
    ("exif", None),
    ("imageMogr2/blur/8x5", None),
    ("imageMogr2/blur/50x0.5", None),
    ("imageMogr2/blur/08x5.000", "imageMogr2/blur/8x5"),
    ("imageMogr2/bright/70", None),
    ("imageMogr2/bright/-100", None),
    ("imageMogr2/contrast/-50", None),
    ("imageMogr2/sharpen/70", None),
    ("imageMogr2/grayscale/1", None),
    ("imageMogr2/iradius/200", None),
    ("imageMogr2/rradius/100", None),
    ("imageMogr2/cgif/50", None),
    ("imageMogr2/strip/format/jpg/size-limit/15k!", None),
    ("imageMogr2/size-limit/2m", None),
    ("style/small_one", None),
    (
        "imageMogr2/thumbnail/!50p|watermark/2/text/5pWw5o2u5LiH6LGh/fill/I0ZGRkZGRg==/fontsize/30/dx/20/dy/20",
        "imageMogr2/thumbnail/!50p|watermark/2/text/5pWw5o2u5LiH6LGh/fontsize/30/fill/I0ZGRkZGRg/dx/20/dy/20",
    ),
]


@pytest.mark.parametrize(("text", "canonical"), VALID)
def test_a_rule_prints_back(text, canonical):
    rule = parse(text)
    assert str(rule) == (canonical or text)
    assert parse(str(rule)) == rule


def test_the_manuals_full_text_mark():
    text = (
        "watermark/2/text/6IW-6K6v5LqRwrfkuIfosaHkvJjlm74/fill/IzNEM0QzRA/fontsize/20/dissolve/50"
        "/gravity/northeast/dx/20/dy/20/batch/1/degree/45"
    )
    [mark] = parse(text).stages
    assert mark == rules.TextWatermark(
        text="腾讯云·万象优图", fill="#3D3D3D", fontsize=20, dissolve=50, gravity="northeast",
        dx=20, dy=20, batch=True, degree=45,
    )  # fmt: skip


def test_what_a_blind_mark_needs():
    [mark] = parse("watermark/3/type/2/image/aHR0cDovL2E/text/dGVuY2VudA/level/3").stages
    assert mark == rules.BlindWatermark(2, "http://a", "tencent", 3)
    assert mark.picture == "http://a"
    [text] = parse("watermark/3/type/3/image/aHR0cDovL2E/text/dGVuY2VudA").stages
    assert (text.picture, text.level) == (None, 1)
    extraction = parse("watermark/4/type/1/image/aHR0cDovL2E").extraction
    assert extraction == rules.BlindExtraction(1, "http://a")
    assert parse("watermark/3/type/3/text/dGVuY2VudA").extraction is None


def test_facts_about_a_rule():
    assert parse("imageInfo").is_info
    assert not parse("imageMogr2/strip").is_info
    assert parse("style/small").style == "small"
    assert parse("imageMogr2/strip").style is None
    assert parse("imageMogr2/strip/ignore-error/1").ignore_error


INVALID = [
    # text, position of the part, the part, a word of what is allowed
    ("", 0, "", "imageMogr2"),
    ("imagemogr2/strip", 0, "imagemogr2", "imageMogr2"),
    ("imageMogr2", 10, "", "thumbnail"),
    ("imageMogr2/", 11, "", "thumbnail"),
    ("imageMogr2/sepia/1", 11, "sepia", "thumbnail"),
    ("imageMogr2/thumbnail", 20, "", "<W>x<H>"),
    ("imageMogr2/thumbnail/0x0", 21, "0x0", "<W>x<H>"),
    ("imageMogr2/thumbnail/!0p", 21, "!0p", "from 1"),
    ("imageMogr2/thumbnail/!1000p", 21, "!1000p", "999"),
    ("imageMogr2/thumbnail/-5x", 21, "-5x", "<W>x"),
    ("imageMogr2/thumbnail/٣x", 21, "٣x", "<W>x"),
    ("imageMogr2/rotate/361", 18, "361", "360"),
    ("imageMogr2/rotate/ninety", 18, "ninety", "360"),
    ("imageMogr2/blur/51x5", 16, "51x5", "50"),
    ("imageMogr2/blur/8x0", 16, "8x0", "above 0"),
    ("imageMogr2/blur/8", 16, "8", "<sigma>"),
    ("imageMogr2/bright/101", 18, "101", "100"),
    ("imageMogr2/bright/-101", 18, "-101", "-100"),
    ("imageMogr2/bright/+5", 18, "+5", "-100"),
    ("imageMogr2/contrast/--5", 20, "--5", "-100"),
    ("imageMogr2/sharpen/9", 19, "9", "10"),
    ("imageMogr2/sharpen/301", 19, "301", "300"),
    ("imageMogr2/grayscale/2", 21, "2", "0 or 1"),
    ("imageMogr2/iradius/0", 19, "0", "from 1"),
    ("imageMogr2/cgif/101", 16, "101", "100"),
    ("imageMogr2/size-limit/15", 22, "15", "<n>k"),
    ("imageMogr2/size-limit/0k", 22, "0k", "from 1"),
    ("imageAve/1", 9, "1", "nothing after imageAve"),
    ("exif|imageMogr2/strip", 0, "exif", "own"),
    ("imageMogr2/scrop/100x", 17, "100x", "<W>x<H>"),
    ("imageMogr2/scrop/0x9", 17, "0x9", "from 1"),
    ("imageMogr2/scrop/1x1/scrop/2x2", 21, "scrop", "once"),
    ("imageMogr2/flip/sideways", 16, "sideways", "horizontal"),
    ("imageMogr2/format/docx", 18, "docx", "webp"),
    ("imageMogr2/quality/101", 19, "101", "100"),
    ("imageMogr2/quality/90!!", 19, "90!!", "100"),
    ("imageMogr2/crop/0x0", 16, "0x0", "from 1"),
    ("imageMogr2/crop/9x9/gravity/middle", 28, "middle", "center"),
    ("imageMogr2/cut/1x2x3", 15, "1x2x3", "<dx>"),
    ("imageMogr2/strip|", 17, "", "imageMogr2"),
    ("imageMogr2/strip|imageMogr2/rotate/400", 35, "400", "360"),
    ("imageView2/6/w/5", 11, "6", "5"),
    ("imageView2/1/w/0", 15, "0", "1"),
    ("imageView2/2/w/5/format/avif", 24, "avif", "webp"),
    ("imageView2/1/x/5", 13, "x", "w"),
    ("watermark/2", 11, "", "text"),
    ("watermark/1", 11, "", "http://"),
    ("watermark/1/image/aHR0cHM6Ly9h", 18, "aHR0cHM6Ly9h", "http://"),
    ("watermark/1/image/YS5jb20v", 18, "YS5jb20v", "http://"),
    ("watermark/1/image/aHR0cDovL2E/scatype/1", 39, "", "together"),
    ("watermark/1/image/aHR0cDovL2E/scatype/3/spcent/251", 50, "", "250"),
    ("watermark/1/image/aHR0cDovL2E/blogo/3", 36, "3", "2"),
    ("watermark/1/image/aHR0cDovL2E/text/SEhI", 30, "text", "gravity"),
    ("watermark/5", 10, "5", "watermark/2"),
    ("watermark/3", 11, "", "type"),
    ("watermark/3/image/aHR0cDovL2E", 29, "", "type"),
    ("watermark/3/type/0", 17, "0", "from 1 to 3"),
    ("watermark/3/type/4", 17, "4", "from 1 to 3"),
    ("watermark/3/type/1", 18, "", "image"),
    ("watermark/3/type/2/text/dGVuY2VudA", 34, "", "image"),
    ("watermark/3/type/3/image/aHR0cDovL2E", 36, "", "text"),
    ("watermark/3/type/1/image/aHR0cHM6Ly9h", 25, "aHR0cHM6Ly9h", "http://"),
    ("watermark/3/type/2/image/aHR0cDovL2E/level/4", 43, "4", "from 1 to 3"),
    ("watermark/3/type/3/text/5LqR", 24, "5LqR", "letters"),
    ("watermark/3/type/3/text/YS1i", 24, "YS1i", "letters"),
    ("watermark/3/type/3/text/IGEg", 24, "IGEg", "letters"),
    ("watermark/3/type/3/text/" + "YWFh" * 43, 24, "YWFh" * 20 + "...", "128"),
    ("watermark/3/type/3/type/3", 19, "type", "once"),
    ("watermark/3/type/3/gravity/center", 19, "gravity", "level"),
    ("watermark/4", 11, "", "type"),
    ("watermark/4/type/1", 18, "", "image"),
    ("watermark/4/type/2", 18, "", "image"),
    ("watermark/4/type/3/text/dGVuY2VudA", 19, "text", "image"),
    ("watermark/4/type/3|imageMogr2/strip", 0, "watermark/4/type/3", "own"),
    ("imageMogr2/strip|watermark/4/type/3", 17, "watermark/4/type/3", "own"),
    ("watermark/2/text/???", 17, "???", "base64"),
    ("watermark/2/text/SEhI/dissolve/0", 31, "0", "100"),
    ("watermark/2/text/SEhI/fill/cmVk", 27, "cmVk", "#RRGGBB"),
    ("imageInfo|imageMogr2/strip", 0, "imageInfo", "own"),
    ("style/", 6, "", ""),
]


@pytest.mark.parametrize(("text", "position", "part", "allowed"), INVALID)
def test_a_mistake_is_located_and_explained(text, position, part, allowed):
    with pytest.raises(RuleError) as caught:
        parse(text)
    error = caught.value
    assert (error.position, error.part) == (position, part)
    assert allowed in error.allowed
    assert allowed in str(error)


def test_eleven_layers_are_one_too_many():
    assert len(parse("|".join(["imageMogr2/strip"] * 10)).stages) == 10
    with pytest.raises(RuleError, match="10"):
        parse("|".join(["imageMogr2/strip"] * 11))


def test_a_rule_has_a_length():
    with pytest.raises(RuleError, match=str(rules.MAX_LENGTH)):
        parse("imageMogr2/strip" + "/strip" * rules.MAX_LENGTH)


def word(value):
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


side = st.integers(1, 9999)
geometry = st.one_of(
    st.builds("!{}p".format, st.integers(1, 999)),
    st.builds("!{}px".format, st.integers(1, 999)),
    st.builds("!x{}p".format, st.integers(1, 999)),
    st.builds("{}x".format, side),
    st.builds("x{}".format, side),
    st.builds("{}x{}".format, side, side),
    st.builds("{}x{}>".format, side, side),
    st.builds("{}x{}<".format, side, side),
    st.builds("!{}x{}r".format, side, side),
    st.builds("{}x{}!".format, side, side),
    st.builds("{}@".format, side),
)
operation = st.one_of(
    st.builds("thumbnail/{}".format, geometry),
    st.builds("crop/{}x{}".format, side, side),
    st.builds("cut/{}x{}x{}x{}".format, side, side, side, side),
    st.builds("scrop/{}x{}".format, side, side),
    st.builds("rotate/{}".format, st.integers(0, 360)),
    st.sampled_from(["flip/vertical", "flip/horizontal", "grayscale/0", "grayscale/1"]),
    st.builds("blur/{}x{}".format, st.integers(1, 50), st.integers(1, 1000)),
    st.builds("bright/{}".format, st.integers(-100, 100)),
    st.builds("contrast/{}".format, st.integers(-100, 100)),
    st.builds("sharpen/{}".format, st.integers(10, 300)),
    st.builds(
        "size-limit/{}{}{}".format,
        st.integers(1, 999),
        st.sampled_from("km"),
        st.sampled_from(["", "!"]),
    ),
)
mogr = st.builds("imageMogr2/{}".format, operation)
view = st.builds("imageView2/{}/w/{}/h/{}".format, st.integers(1, 5), side, side)
printable = st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc"))
mark = st.builds(
    "watermark/2/text/{}/fontsize/{}/dx/{}".format,
    st.text(printable, min_size=1, max_size=20).map(word),
    st.integers(1, 100),
    st.integers(0, 500),
)  # fmt: skip
plain = st.text(string.ascii_letters + string.digits, min_size=1, max_size=128).map(word)
address = st.text(string.ascii_lowercase, max_size=20).map("http://{}".format).map(word)
blind = st.one_of(
    st.builds("watermark/3/type/3/text/{}".format, plain),
    st.builds("watermark/3/type/2/image/{}/level/{}".format, address, st.integers(1, 3)),
    st.builds("watermark/3/type/1/image/{}".format, address),
)
rule_text = st.lists(st.one_of(mogr, view, mark, blind), min_size=1, max_size=5).map("|".join)


@settings(max_examples=150, deadline=None)
@given(rule_text)
def test_every_generated_rule_survives_the_round_trip(text):
    rule = parse(text)
    assert parse(str(rule)) == rule
    assert str(parse(str(rule))) == str(rule)


pieces = st.sampled_from(
    ["imageMogr2", "thumbnail", "/", "|", "!50p", "watermark", "2", "text", "SEhI", "x", "9" * 40,
     "imageView2", "1", "w", "==", "%", "\x00", "é", "ignore-error", "quality", "style",
     "3", "4", "type", "level", "image", "dGVuY2VudA"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(string.printable, max_size=200), st.lists(pieces, max_size=40).map("".join))
)
def test_garbage_only_ever_raises_its_own_error(text):
    try:
        rule = parse(text)
    except RuleError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 - a rule by chance is fine too
    else:
        assert parse(str(rule)) == rule
