"""Rules that ask for nonsense: each value of each parameter, and each place of base64."""

import base64

import pytest

from localcloud.imaging import process
from shared.rules import parse
from tests.localcloud.imaging.pictures import photo
from tests.localcloud.imaging.vectors import outcome

HUGE = ("999999999", "99999999999999999999", "-1", "1e9", "0x10", "1.5", "NaN", "")
NUMERIC = (
    "imageMogr2/thumbnail/!{}p", "imageMogr2/thumbnail/!{}px", "imageMogr2/thumbnail/!x{}p",
    "imageMogr2/thumbnail/{}x", "imageMogr2/thumbnail/x{}", "imageMogr2/thumbnail/{}x{}",
    "imageMogr2/thumbnail/{}x{}>", "imageMogr2/thumbnail/{}x{}<", "imageMogr2/thumbnail/!{}x{}r",
    "imageMogr2/thumbnail/{}x{}!", "imageMogr2/thumbnail/{}@",
    "imageMogr2/thumbnail/{}x{}/pad/1", "imageMogr2/cut/{}x10x0x0", "imageMogr2/cut/10x{}x0x0",
    "imageMogr2/cut/10x10x{}x0", "imageMogr2/cut/10x10x0x{}", "imageMogr2/crop/{}x",
    "imageMogr2/crop/x{}", "imageMogr2/crop/10x10/gravity/east/dx/{}",
    "imageMogr2/crop/10x10/gravity/south/dy/{}", "imageMogr2/iradius/{}", "imageMogr2/rradius/{}",
    "imageMogr2/rotate/{}", "imageMogr2/cgif/{}", "imageMogr2/interlace/{}",
    "imageMogr2/quality/{}", "imageMogr2/quality/{}!", "imageMogr2/rquality/{}",
    "imageMogr2/lquality/{}", "imageMogr2/blur/{}x5", "imageMogr2/blur/5x{}",
    "imageMogr2/bright/{}", "imageMogr2/contrast/{}", "imageMogr2/sharpen/{}",
    "imageMogr2/grayscale/{}", "imageMogr2/size-limit/{}k", "imageMogr2/size-limit/{}m!",
    *(f"imageView2/{mode}/w/{{}}" for mode in range(1, 6)), "imageView2/1/h/{}",
    "imageView2/{}/w/10", "imageView2/2/w/10/q/{}", "imageView2/2/w/10/rq/{}",
    "imageView2/2/w/10/lq/{}",
    *(f"watermark/2/text/SEhI/{name}/{{}}" for name in (
        "fontsize", "dissolve", "dx", "dy", "batch", "degree", "shadow")),
)  # fmt: skip


@pytest.mark.parametrize("rule", NUMERIC)
def test_a_number_is_refused_or_does_no_harm(rule):
    """Never anything but CI's own errors, for what fits no number and for what is far too large."""
    source = photo(60, 40)
    seen = set()
    for number in HUGE:
        result = outcome(source, rule.format(number, number))
        if isinstance(result, str):
            assert result in ("refused", "-442", "-60998")
        seen.add(result if isinstance(result, str) else "done")
    assert "refused" in seen


@pytest.mark.parametrize(
    "rule",
    [
        "imageMogr2/thumbnail/10x10/pad/1/color/{}",
        "watermark/2/text/{}",
        "watermark/2/text/SEhI/fill/{}",
        "watermark/2/text/SEhI/font/{}",
        "watermark/1/image/{}",
    ],
)
@pytest.mark.parametrize("text", ["", "*", "A", "AAAAA", "====", "/w==", "_w==", "AA", "Cg"])
def test_what_is_no_base64_of_text(rule, text):
    # Of the last three: bytes that are no UTF-8, a zero, a line feed.
    assert outcome(photo(60, 40), rule.format(text)) == "refused"


@pytest.mark.parametrize("name", ["nosuch.ttf", "../../etc/passwd", "simhei黑体.ttf"])
def test_a_font_by_an_unknown_name_is_drawn_with_another(name):
    font = base64.urlsafe_b64encode(name.encode()).decode()
    plain = process(photo(60, 40), parse("watermark/2/text/SEhI"))
    assert process(photo(60, 40), parse(f"watermark/2/text/SEhI/font/{font}")).data == plain.data
