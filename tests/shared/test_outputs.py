"""Outputs that become several: widths, formats, marks; what is refused, and with which remedy."""

import pytest

from shared import blind_text, rules
from shared.blind_text import base64_word
from shared.errors import CloudError, ConfigError
from shared.events import Upload
from shared.pipelines import COMPILED_NAME, compiled, load
from shared.variants import plan

MARKS = """\
watermarks:
  owner: {text: (c) me, fill: "#ffffff", dissolve: 80, gravity: NorthEast, dx: 16, batch: true}
  logo: {image: marks/my logo+.png, scatype: 1, spcent: 200, dissolve: 60}
"""
# The manual's printed texts (004:3708, 000:2138).
MANUAL_ADDRESS = "http://examplebucket-1250000000.cos.ap-shanghai.myqcloud.com/shuiyin_2.png"
MANUAL_WORD = (
    "aHR0cDovL2V4YW1wbGVidWNrZXQtMTI1MDAwMDAwMC5jb3MuYXAtc2hhbmdoYWkubXlxY2xvdWQuY29tL3NodWl5aW5f"
    "Mi5wbmc"
)
MANUAL_BLIND = "dGVuY2VudCBjbG91ZA=="


@pytest.fixture
def written(tmp_path):
    def write(outputs, more="", when="prefix: uploads/", marks=MARKS):
        path = tmp_path / "pipelines.yml"
        lines = "".join(f"      {line}\n" for line in outputs)
        path.write_text(
            f"version: 1\n{marks}pipelines:\n  photos:\n    when: {{{when}}}\n{more}"
            f"    outputs:\n{lines}",
            encoding="utf-8",
        )
        return path

    return write


def upload(**changes):
    fields = {
        "bucket": "b-1250000000", "region": "ap-guangzhou", "key": "uploads/2026/a.JPG",
        "size": 100, "event_name": "cos:ObjectCreated:Put", "event_time": 1795219200,
        "request_id": "Nj+k=_1", "source_ip": "192.168.15.101",
        "meta": (("user", "ann_01@x"), ("album", "旅行")),
    }  # fmt: skip
    return Upload(**{**fields, **changes})


def variants(path, **changes):
    [pipeline] = load(path).entries
    return {variant.name: variant for variant in plan(pipeline, upload(**changes), "e7")}


def test_widths_in_one_line(written):
    path = written(['thumb: {widths: [640, 320], fileid: "/thumbs/{subdir}/{stem}-{width}.{ext}"}'])
    found = variants(path)
    assert list(found) == ["thumb-640", "thumb-320"]
    assert found["thumb-320"].key == "thumbs/2026/a-320.jpg"
    assert found["thumb-320"].rule == "imageMogr2/auto-orient/thumbnail/320x9999>"


def test_formats_side_by_side_for_each_width(written):
    path = written(
        ['web: {widths: [320, 640], formats: [avif, jpg], fileid: "/w/{output}/{width}.{format}"}']
    )
    found = variants(path)
    assert [(name, variant.key) for name, variant in found.items()] == [
        ("web-320-avif", "w/web-320-avif/320.avif"),
        ("web-320-jpg", "w/web-320-jpg/320.jpg"),
        ("web-640-avif", "w/web-640-avif/640.avif"),
        ("web-640-jpg", "w/web-640-jpg/640.jpg"),
    ]
    assert found["web-640-jpg"].rule == "imageMogr2/auto-orient/thumbnail/640x9999>/format/jpg"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("format: webp", "imageMogr2/auto-orient/format/webp"),
        ("rule: imageMogr2/quality/80, format: png", "imageMogr2/quality/80/format/png"),
        ("rule: imageView2/1/w/9/h/9, format: png", "imageView2/1/w/9/h/9|imageMogr2/format/png"),
        ("rule: imageMogr2/scrop/9x9, widths: [5]", "imageMogr2/scrop/9x9/thumbnail/5x9999>"),
        ("rule: imageMogr2/strip", "imageMogr2/strip"),
        ("rule: style/x", "style/x"),
        ("watermark: owner, rule: imageMogr2/strip, format: webp",
         "imageMogr2/strip/format/webp|watermark/2/text/KGMpIG1l/fill/I0ZGRkZGRg/dissolve/80/"
         "gravity/northeast/dx/16/batch/1"),
        ("blind_watermark: {text: a-b}, rule: imageMogr2/strip",
         f"imageMogr2/strip|watermark/3/type/3/text/{base64_word('ab')}"),
    ],
)  # fmt: skip
def test_the_fields_make_one_rule_in_a_fixed_order(written, text, rule):
    [variant] = variants(written([f'x: {{{text}, fileid: "/out/x"}}'])).values()
    assert variant.rule == rule


CHOICES = [
    # key, content type, the format, the format with advanced compression
    ("a.jpg", "", "webp", "avif"),
    ("a.JPEG", "binary/octet-stream", "webp", "avif"),
    ("a.bmp", "", "webp", "avif"),
    ("a.heic", "", "webp", "avif"),
    ("a.avif", "image/avif", "webp", "avif"),
    ("a.png", "", "webp", "webp"),
    ("a.gif", "", "webp", "webp"),
    ("a.webp", "", "webp", "webp"),
    ("a", "", "webp", "webp"),
    ("a.jpg", "image/gif", "webp", "webp"),
    ("a.gif", "IMAGE/JPEG; q=1", "webp", "avif"),
]


@pytest.mark.parametrize(("key", "kind", "plain", "advanced"), CHOICES)
def test_auto_chooses_by_the_source(written, key, kind, plain, advanced):
    line = 'web: {format: auto, widths: [9], fileid: "/web/{stem}-{width}.{ext}"}'
    for more, format in (("", plain), ("    advanced_compression: true\n", advanced)):
        [variant] = variants(
            written([line], more), key=f"uploads/{key}", content_type=kind
        ).values()
        assert (variant.name, variant.key) == ("web-9", f"web/a-9.{format}")
        assert variant.rule == f"imageMogr2/auto-orient/thumbnail/9x9999>/format/{format}"


def test_a_marks_address_is_in_the_bucket_and_region_of_the_upload(written):
    path = written(['x: {rule: imageMogr2/strip, watermark: logo, fileid: "/out/x"}'])
    [variant] = variants(path, bucket="shop-1250000001", region="ap-tokyo").values()
    mark = rules.parse(variant.rule).stages[1]
    assert mark == rules.ImageWatermark(
        "http://shop-1250000001.cos.ap-tokyo.myqcloud.com/marks/my%20logo%2B.png",
        scatype=1, spcent=200, dissolve=60,
    )  # fmt: skip


def test_base64_is_that_of_the_manuals_samples():
    assert base64_word(MANUAL_ADDRESS) == MANUAL_WORD
    assert base64_word("tencent cloud") == MANUAL_BLIND.rstrip("=")


HIDDEN = [
    ("{meta.user}{date}", "ann01x20261121"),
    ("{appid}-{time}", "12500000001795219200"),
    ("{META.user}", None),
    ("{meta.User}", "ann01x"),
    ("{source_ip}{request_id}", "c0a80f65Njk1"),
    ("{key}", "uploads2026aJPG"),
    ("{etag}{output}", "e7x"),
]


@pytest.mark.parametrize(("text", "hidden"), HIDDEN)
def test_blind_text_comes_from_the_upload(written, text, hidden):
    path = written([f'x: {{blind_watermark: {{text: "{text}"}}, fileid: /out/x}}'])
    if hidden is None:
        with pytest.raises(
            ConfigError, match=r"no placeholder here: allowed are .*\{meta.<name>\}"
        ):
            load(path)
        return
    [variant] = variants(path).values()
    assert variant.rule == (f"imageMogr2/auto-orient|watermark/3/type/3/text/{base64_word(hidden)}")


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("{meta.user}", {"meta": ()}),
        ("{meta.album}", {}),
        ("{source_ip}", {"source_ip": "no address"}),
        ("{key}", {"key": "uploads/" + "a" * 122}),
    ],
)
def test_no_picture_gets_out_without_its_blind_mark(written, text, changes):
    path = written([f'x: {{blind_watermark: {{text: "{text}"}}, fileid: /out/x}}'])
    with pytest.raises(CloudError, match="1 to 128 are allowed") as caught:
        variants(path, **changes)
    assert not caught.value.retryable


def test_an_etag_in_a_blind_text_is_looked_up(written):
    line = 'x: {blind_watermark: {text: "%s"}, fileid: /out/x}'
    assert load(written([line % "{etag}"])).entries[0].needs_etag
    assert not load(written([line % "{date}"])).entries[0].needs_etag


def mistakes(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


FAULTS = [
    # the entry of an output, which stands in line 9; what is said
    ("widths: [0]", "a width from 1 to 9999 px is expected"),
    ("widths: [10000]", "widths[0] is '10000': a width from 1 to 9999"),
    ("widths: [1.5]", "a width from 1 to 9999"),
    ("widths: [٣]", "a width from 1 to 9999"),
    ("widths: [320, 320]", "widths[1] is '320': it stands twice"),
    ("widths: []", "has no width: [320, 640] is an example"),
    ("widths: {a: 1}", "text is expected"),
    (f"widths: {list(range(1, 52))}", "makes 51 outputs: allowed are 50"),
    ("widths: [1, 2]", "is that of x-1: one would overwrite the other: write {width}"),
    ("formats: [webp, jpg]", "is that of x-webp: one would overwrite"),
    ("formats: []", "has no format"),
    ("formats: [webp, webp]", "it stands twice"),
    ("formats: [auto]", "allowed are jpg, png, webp"),
    ("format: jpeg", "allowed are jpg, png, webp, gif, bmp, avif, heif, tpg, auto"),
    ("format: webp, formats: [jpg]", "has format and formats: one of them is expected"),
    ("rule: imageMogr2/format/png, format: webp", "format once"),
    ("rule: style/x, widths: [3]", "style/x"),
    ("rule: imageInfo, widths: [3]", "only reads information"),
    ("rule: imageMogr2/rotate/999, widths: [3]", "rotate"),
    ("watermark: owned", "x.watermark is 'owned': known are owner, logo"),
    ("blind_watermark: {}", "x.blind_watermark.text is missing"),
    ("blind_watermark: {text: '- -'}", "1 to 128 digits and English letters are expected"),
    ("blind_watermark: {text: '{width}', level: 1}", "level is unknown: allowed are text"),
    ("blind_watermark: {text: '{width}'}", "{width} is no placeholder here"),
    ("blind_watermark: {text: '{meta.<name>}'}", "needs a name: {meta.user}"),
    ("bucket: b-1250000000", "rule is missing: it, or one of widths, format"),
]


@pytest.mark.parametrize(("entry", "said"), FAULTS)
def test_mistakes_have_line_and_remedy(written, entry, said):
    found = mistakes(written([f"x: {{{entry}, fileid: /out/x}}"]))
    assert any(p.startswith("pipelines.yml:9: ") and said in p for p in found), found
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("fileid", "said"),
    [
        ("/out/{width}", "{width} is no placeholder here"),
        ("/out/{format}", "{format} is no placeholder here"),
    ],
)
def test_placeholders_need_their_field(written, fileid, said):
    [problem] = mistakes(written([f'x: {{rule: imageMogr2/strip, fileid: "{fileid}"}}']))
    assert said in problem


def test_a_record_has_no_width(written):
    more = '    record: "/records/{width}.json"\n'
    [problem] = mistakes(written(["x: {widths: [3], fileid: /out/x}"], more))
    assert problem.startswith("pipelines.yml:8: ")
    assert "{width} is no placeholder here" in problem


def test_names_that_expansion_makes_must_differ(written):
    found = mistakes(
        written(["x: {widths: [3], fileid: /out/x}", "x-3: {format: png, fileid: /out/y}"])
    )
    assert found == ("pipelines.yml:10: pipelines.photos.outputs has two outputs x-3",)


def test_auto_may_choose_the_key_of_another_output(written):
    lines = ['a: {format: auto, fileid: "/out/a.{ext}"}', "b: {format: webp, fileid: /out/a.webp}"]
    [problem] = mistakes(written(lines))
    assert "of b is that of a" in problem


def test_more_than_fifty_outputs_together(written):
    lines = [f'x{n}: {{widths: {list(range(1, 27))}, fileid: "/{n}/{{width}}"}}' for n in (1, 2)]
    assert "has 52 outputs: allowed are 1 to 50" in mistakes(written(lines))[0]


MARK_FAULTS = [
    ("{text: a, image: b}", "watermarks.m needs one of text and image"),
    ("{gravity: west}", "watermarks.m needs one of text and image"),
    ("{text: ''}", "text without control characters is expected"),
    ("{text: a, fill: white}", 'a colour such as "#FFFFFF" is expected'),
    ("{text: a, fontsize: 0}", "m.fontsize is '0': allowed: a whole number from 1 to 1000"),
    ("{text: a, gravity: top}", "allowed: northwest, north"),
    ("{text: a, batch: yes}", "true or false is expected"),
    ("{text: a, dx: 1/dy/2}", "m.dx is '1/dy/2': allowed: a whole number"),
    ("{text: a, scatype: 1}", "scatype is unknown: allowed are text, font, fontsize"),
    ("{image: /a.png}", "without a leading slash"),
    ("{image: 'http://x/a.png'}", "the mark's key in the upload's bucket is expected"),
    ("{image: a.png, scatype: 1}", "scatype and spcent together is expected"),
    ("{image: a.png, scatype: 3, spcent: 300}", "spcent from 1 to 250"),
    ("{image: a.png, fontsize: 3}", "fontsize is unknown: allowed are image, gravity"),
]


@pytest.mark.parametrize(("mark", "said"), MARK_FAULTS)
def test_marks_are_checked_by_the_grammar(written, mark, said):
    found = mistakes(
        written(["x: {watermark: m, fileid: /out/x}"], marks=f"watermarks:\n  m: {mark}\n")
    )
    assert any(p.startswith("pipelines.yml:3: ") and said in p for p in found), found


def test_marks_have_names_as_pipelines_have(written):
    [problem] = mistakes(
        written(["x: {rule: style/x, fileid: /x}"], marks="watermarks:\n  a b: {text: c}\n")
    )
    assert problem == "pipelines.yml:3: 'a b' is no watermark name: letters, digits, - and _"


def test_a_file_without_marks_says_so(written):
    [problem] = mistakes(written(["x: {watermark: m, fileid: /out/x}"], marks=""))
    assert "known are none: the file has no section watermarks" in problem


@pytest.mark.parametrize(
    ("when", "entry", "is_loop"),
    [
        ("suffix: .jpg", 'format: webp, fileid: "{stem}.{ext}"', False),
        ("suffix: [.jpg, .webp]", 'format: webp, fileid: "{stem}.{ext}"', True),
        ("suffix: .webp", 'format: jpg, fileid: "{stem}.{ext}"', False),
        ("suffix: [.png, .webp]", 'formats: [jpg, webp], fileid: "{stem}.{format}"', True),
        ("suffix: .jpg", 'format: auto, fileid: "{stem}.{ext}"', False),
        ("suffix: [.jpg, .avif]", 'format: auto, fileid: "{stem}.{ext}"', True),
        ("suffix: .jpg", 'widths: [3], fileid: "{stem}-{width}.{ext}"', True),
        ("suffix: .jpg", 'widths: [3], watermark: logo, fileid: "{stem}-{width}"', False),
        ("prefix: marks/", 'watermark: logo, fileid: "/out/{name}"', False),
    ],
)
def test_loops_are_decided_with_the_results_names(written, when, entry, is_loop):
    more = "    advanced_compression: true\n    record: /records/x.json\n"
    path = written([f"x: {{{entry}}}"], more, when=when)
    if is_loop:
        assert "would trigger the pipeline photos" in mistakes(path)[0]
    else:
        assert load(path).entries


EVERYTHING = [
    'a: {widths: [1, 2], formats: [webp, jpg], watermark: owner, fileid: "/a/{output}"}',
    'b: {format: auto, watermark: logo, fileid: "/b/{ext}"}',
    'c: {blind_watermark: {text: "{meta.user}"}, bucket: c-1250000000, fileid: "/c/{name}"}',
]


def test_the_compiled_file_carries_all_of_it(written, tmp_path):
    path = written(EVERYTHING, "    advanced_compression: true\n")
    checked = load(path)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / COMPILED_NAME).write_text(compiled(path), encoding="utf-8")
    (copy / path.name).write_bytes(path.read_bytes())
    assert (restored := load(copy / path.name)) == checked
    assert plan(restored.entries[0], upload()) == plan(checked.entries[0], upload())


def test_the_grammar_takes_the_longest_blind_text():
    longest = "a" * blind_text.MAX_LENGTH
    [mark] = rules.parse(blind_text.stage(longest)).stages
    assert mark.text == longest
