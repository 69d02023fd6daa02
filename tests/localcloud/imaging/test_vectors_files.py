# ruff: noqa: E501 - one row is one line
"""The manual's rules in one table: what files become. Formats, quality, metadata, filters, failures.

Rows are those of `test_vectors`.
"""

import pytest

from tests.localcloud.imaging.vectors import FORMATS, check

# fmt: off
FORMAT = [
    *(("004:2196", f"format/{target}", f"96x54 {source}", f"96x54 {target} red@5,5 white@90,50") for source in FORMATS for target in FORMATS),
    ("004:2196", "format/yjpeg",           "96x54 png",      "jpg progressive"),
    ("004:2196", "format/JPG",             "96x54 png",      "jpg"),
    ("004:2196", "format/tiff",            "96x54",          "refused"),
    ("004:2196", "format/",                "96x54",          "refused"),
    ("004:2196", "format/png/format/jpg",  "96x54",          "refused"),
    ("004:2196", "thumbnail/!50p",         "96x54 bmp",      "48x27 bmp"),
    ("004:2196", "thumbnail/!50p",         "96x54 L",        "48x27 jpg grey"),
    ("004:2196", "format/jpg",             "96x54 RGBA png", "jpg opaque"),
    ("004:2196", "format/png",             "96x54 CMYK",     "png red@5,5 blue@5,50"),
    ("004:2196", "format/webp",            "96x54 P png",    "webp red@5,5"),
    ("004:2196", "format/jpg",             "96x54 LA png",   "jpg opaque grey"),
    ("004:2196", "format/jpg",             "96x54 1 png",    "jpg grey"),
    # Animations into each other keep their frames, into still formats the first
    *(("004:2075", f"format/{target}", f"40x30 {source} f5", f"40x30 {target} f5") for source in ("gif", "webp") for target in ("gif", "webp")),
    *(("004:2075", f"format/{target}", f"40x30 {source} f5", f"40x30 {target} f1") for source in ("gif", "webp") for target in ("jpg", "png", "bmp", "avif")),
    ("004:2075", "thumbnail/!50p/rotate/90", "40x30 gif f5",  "15x20 gif f5"),
    ("004:2075", "cut/10x10x5x5",          "40x30 webp f5",  "10x10 webp f5"),
    ("004:2075", "thumbnail/!50p",         "40x30 gif f300", "20x15 f300"),
    ("004:2075", "thumbnail/!50p",         "40x30 gif f301", "-447"),
    # Fewer frames
    ("004:2199", "cgif/1",                 "8x6 gif f45",    "f30"),
    ("004:2199", "cgif/1",                 "8x6 gif f20",    "f20"),
    ("004:2199", "cgif/50",                "8x6 gif f80",    "f50"),
    ("004:2199", "cgif/2",                 "8x6 gif f80",    "f2"),
    ("004:2199", "cgif/100",               "8x6 gif f120",   "f100"),
    ("004:2199", "cgif/50",                "8x6 gif f10",    "f10"),
    ("004:2199", "cgif/2",                 "8x6 webp f5",    "f5"),
    ("004:2199", "cgif/50",                "8x6 png",        "png f1"),
    ("004:2199", "cgif/2/format/webp",     "8x6 gif f5",     "webp f2"),
    ("004:2199", "cgif/0",                 "8x6 gif f5",     "refused"),
    ("004:2199", "cgif/101",               "8x6 gif f5",     "refused"),
    # Progressive, for a JPEG only
    ("004:2207", "interlace/1",            "96x54",          "jpg progressive"),
    ("004:2207", "interlace/0",            "96x54",          "jpg baseline"),
    ("004:2207", "thumbnail/!50p",         "96x54",          "jpg baseline"),
    ("004:2207", "format/png/interlace/1", "96x54",          "png baseline"),
    ("004:2207", "format/webp/interlace/1", "96x54",         "webp"),
    ("004:2207", "interlace/1/format/jpg", "96x54 png",      "jpg progressive"),
    ("004:2207", "interlace/2",            "96x54",          "refused"),
]

QUALITY = [
    ("004:2416", "quality/60",             "96x54 q100",     "q60"),
    ("004:2416", "quality/90",             "96x54 q80",      "q80"),
    ("004:2416", "quality/90!",            "96x54 q80",      "q90"),
    ("004:2416", "quality/60!",            "96x54 q80",      "q60"),
    ("004:2416", "quality/100!",           "96x54 q10",      "q100"),
    ("004:2416", "quality/0",              "96x54 q80",      "q1"),
    ("004:2416", "quality/101",            "96x54 q80",      "refused"),
    ("004:2416", "quality/-1",             "96x54 q80",      "refused"),
    ("004:2416", "quality/!90",            "96x54 q80",      "refused"),
    ("004:2416", "thumbnail/!50p",         "96x54 q70",      "q70"),
    ("004:2416", "quality/60",             "96x54 png",      "png q100"),
    ("004:2416", "quality/60/format/webp", "96x54 q80",      "webp q60"),
    ("004:2416", "format/jpg/quality/75",  "96x54 png",      "jpg q75"),
    ("004:2416", "format/avif/quality/50", "96x54",          "avif q50"),
    ("004:2416", "quality/60/quality/70",  "96x54",          "refused"),
    ("004:2420", "rquality/80",            "96x54 q80",      "q64"),
    ("004:2420", "rquality/60",            "96x54 q100",     "q60"),
    ("004:2420", "rquality/100",           "96x54 q80",      "q80"),
    ("004:2420", "rquality/0",             "96x54 q80",      "q1"),
    ("004:2420", "rquality/101",           "96x54 q80",      "refused"),
    ("004:2420", "rquality/80!",           "96x54 q80",      "refused"),
    ("004:2423", "lquality/80",            "96x54 q85",      "q85"),
    ("004:2423", "lquality/80",            "96x54 q60",      "q80"),
    ("004:2423", "lquality/101",           "96x54 q60",      "refused"),
    # Together: absolute, then relative to the source, then the least
    ("004:2423", "quality/40/lquality/50", "96x54 q80",      "q50"),
    ("004:2423", "rquality/50/lquality/60", "96x54 q80",     "q60"),
    ("004:2423", "quality/90/rquality/50", "96x54 q80",      "q40"),
    ("004:5924", "format/webp",            "96x54 q70",      "webp q70"),
]

SIZE_LIMIT = [
    ("004:5145", "size-limit/2k",          "300x200 q95",    "jpg <2048"),
    ("004:5145", "size-limit/1m",          "300x200 q80",    "jpg q80"),
    ("004:5145", "format/jpg/size-limit/3k", "300x200 png",  "jpg <3072"),
    ("004:5145", "strip/format/jpg/size-limit/15k!", "900x600 png", "original"),
    ("004:5145", "strip/format/jpg/size-limit/15k!", "900x600 bmp", "jpg <15360 another"),
    ("004:5145", "format/png/size-limit/1k", "300x200",      "png"),
    ("004:5145", "size-limit/15",          "300x200",        "refused"),
    ("004:5145", "size-limit/0k",          "300x200",        "refused"),
    ("004:5145", "size-limit/1g",          "300x200",        "refused"),
    ("004:5145", "size-limit/-1k",         "300x200",        "refused"),
]

METADATA = [
    ("004:4487", "strip",                  "96x54 o6",       "96x54 bare"),
    ("004:4487", "strip/format/webp",      "96x54 o6",       "webp bare"),
    ("004:4487", "auto-orient/strip",      "96x54 o6",       "54x96 bare"),
    ("004:4487", "strip/auto-orient",      "96x54 o6",       "54x96 bare"),
    ("004:4487", "thumbnail/!50p",         "96x54 o3",       "48x27 o3"),
    ("004:4487", "format/png",             "96x54 o3",       "png o3"),
    ("004:4487", "format/avif",            "96x54 o6",       "96x54 avif"),
    ("004:4487", "strip/strip",            "96x54",          "refused"),
]

FILTER = [
    ("004:2651", "blur/1x1",               "96x54",          "96x54 red@5,5"),
    ("004:2651", "blur/50x1000",           "96x54",          "96x54"),
    ("004:2651", "blur/0x5",               "96x54",          "refused"),
    ("004:2651", "blur/51x5",              "96x54",          "refused"),
    ("004:2651", "blur/8",                 "96x54",          "refused"),
    ("004:2653", "blur/8x0",               "96x54",          "refused"),
    ("004:2653", "blur/8x0.5",             "96x54",          "96x54"),
    ("004:2653", "blur/8x-1",              "96x54",          "refused"),
    ("004:2653", "blur/8x5",               "40x30 gif f5",   "gif f5"),
    ("004:2856", "bright/0",               "96x54",          "red@5,5 white@90,50"),
    ("004:2856", "bright/100",             "96x54",          "white@5,5 white@90,5"),
    ("004:2856", "bright/-100",            "96x54",          "black@5,5 black@90,50"),
    ("004:2856", "bright/101",             "96x54",          "refused"),
    ("004:2856", "bright/-101",            "96x54",          "refused"),
    ("004:2856", "bright/1.5",             "96x54",          "refused"),
    ("004:3068", "contrast/0",             "96x54",          "red@5,5"),
    ("004:3068", "contrast/-100",          "96x54",          "grey@5,5 grey@90,50"),
    ("004:3068", "contrast/100",           "96x54",          "pure@5,5"),
    ("004:3068", "contrast/101",           "96x54",          "refused"),
    ("004:3068", "contrast/-101",          "96x54",          "refused"),
    ("004:3277", "sharpen/10",             "96x54",          "red@5,5"),
    ("004:3277", "sharpen/300",            "96x54",          "red@5,5"),
    ("004:3277", "sharpen/9",              "96x54",          "refused"),
    ("004:3277", "sharpen/301",            "96x54",          "refused"),
    ("004:3463", "grayscale/1",            "96x54",          "grey"),
    ("004:3463", "grayscale/1",            "40x30 gif f3",   "grey f3"),
    ("004:3465", "grayscale/0",            "96x54",          "red@5,5"),
    ("004:3463", "grayscale/2",            "96x54",          "refused"),
]

# Every operation that can fail on a good rule
FAILING = [
    ("004:1322", "thumbnail/10000x",   "96x54",          "-442"),
    ("004:1322", "thumbnail/!500p",    "30000x1",        "-442"),
    ("004:1322", "thumbnail/!50p",     "30001x1",        "-447"),
    ("004:1322", "thumbnail/!50p",     "8x6 gif f301",   "-447"),
    ("004:1322", "thumbnail/2100x2100!", "8x6 gif f60",  "-442"),
    ("004:1600", "cut/10x10x96x0",     "96x54",          "-60998"),
    ("004:1600", "iradius/27",         "96x54",          "-60998"),
    ("004:1600", "rradius/27",         "96x54",          "-60998"),
    ("004:1600", "iradius/5",          "96x54 gif",      "-443"),
    ("004:1600", "rradius/5",          "96x54 gif",      "-443"),
    ("004:1986", "rotate/45",          "30000x1",        "-442"),
    ("004:2215", "format/webp",        "20000x1",        "-442"),
]

# The same with ignore-error
FAILURE = [
    *FAILING,
    *((line, f"{rule}/ignore-error/1", source, "original") for line, rule, source, _ in FAILING),
    *((line, f"{rule}/ignore-error/0", source, number) for line, rule, source, number in FAILING),
    ("004:1322", "ignore-error/1/thumbnail/10000x", "96x54", "original"),
    ("004:1322", "thumbnail/!50p/ignore-error/1",   "96x54", "48x27"),
    ("004:1322", "thumbnail/!50p/ignore-error/2",   "96x54", "refused"),
    ("004:1322", "ignore-error/1",                  "96x54", "refused"),
]
# fmt: on

VECTORS = [
    (line, f"imageMogr2/{rule}", *rest)
    for line, rule, *rest in (
        *FORMAT,
        *QUALITY,
        *SIZE_LIMIT,
        *METADATA,
        *FILTER,
        *FAILURE,
    )
]


@pytest.mark.parametrize(
    ("rule", "source", "expected"),
    [pytest.param(*row, id=f"{line} {row[0]} on {row[1]}") for line, *row in VECTORS],
)
def test_vector(rule, source, expected):
    check(rule, source, expected)
