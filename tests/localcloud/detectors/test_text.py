"""Terms are found however they are written, and ordinary words are left alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.detectors.judgement import NO_ENGINE, NORMAL, SENSITIVE, SUSPECTED
from localcloud.detectors.policy import Policy
from localcloud.detectors.text import SECTION, judge_sections, judge_text
from localcloud.detectors.text.folding import fold
from localcloud.detectors.text.lexicon import LexiconError, Term, preset_files, read
from localcloud.detectors.text.matcher import Matcher


def found(text, **choices):
    """(scene, keyword, what stands in the text) of all hits."""
    judgement = judge_text(text, **choices)
    return [
        (finding.scene, hit.keyword, hit.written)
        for finding in judgement.findings
        for hit in finding.hits
    ]


def lexicon(folder, text, name="own"):
    path = folder / f"{name}.txt"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("written", "keyword"),
    [
        ("色情", "色情"),
        ("色 情", "色情"),
        ("色\n情", None),  # the end of a line
        ("色.情", "色情"),
        ("色*情", "色情"),
        ("色\u200b情", "色情"),
        ("色\u3164情", "色情"),
        ("\n色\n情\n", "色情"),
        ("色<b>情</b>", "色情"),
        ("po<i class='x'></i>rn", "porn"),
        ("&#33394;&#x60c5;", "色情"),
        (r"\u8272\u60c5", "色情"),
        ("%E8%89%B2%E6%83%85", "色情"),
        ("%C9%AB%C7%E9", "色情"),
        ("\u202enrop\u202c", "porn"),
        ("1 < 2 and 3 > 2", None),
        ("100%", None),
        ("色\u0336情\u0336", "色情"),
        ("色。情", None),  # the end of a sentence
        ("六。合。彩", "六合彩"),
        ("六😀合😀彩", "六合彩"),
        ("恐怖襲擊", "恐怖袭击"),
        ("毒品海洛因吗", "海洛因"),
        ("porn", "porn"),
        ("PoRN", "porn"),
        ("ＰＯＲＮ", "porn"),
        ("𝓅𝓸𝓇𝓃", "porn"),
        ("ⓟⓞⓡⓝ", "porn"),
        ("🅿🅾🆁🅽", "porn"),
        ("pörñ", "porn"),
        ("po\u0301rn", "porn"),
        ("pоrn", "porn"),  # a Cyrillic о
        ("pοrn", "porn"),  # a Greek ο
        ("p0rn", "porn"),
        ("a$$h0le", "asshole"),
        ("p.o.r.n", "porn"),
        ("p-o-r-n", "porn"),
        ("p o r n", "porn"),
        ("p\u00ador\u00adn", "porn"),
        ("pooooorn", "porn"),
        ("porns", "porn"),
        ("crystal meth", "crystal meth"),
        ("crystal  m3th", "crystal meth"),
        ("crystalmeth", "crystal meth"),
        ("c r y s t a l m e t h", "crystal meth"),
        ("crys tal meth", None),
        ("porn18", "porn"),
        ("看porn片", "porn"),
    ],
)
def test_a_term_is_found_however_it_is_written(written, keyword):
    hits = found(f"前面 {written} 后面")
    assert [hit[1] for hit in hits] == ([keyword] if keyword else [])
    if keyword and written != "porns":
        assert hits[0][2] in written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pop ornament",
        "the classic asset of Scunthorpe",
        "as sholes",
        "shiitake",
        "shitake",
        "特色情况",
        "他扮演的角色情感丰富",
        "рот",  # Russian for mouth: all letters look like Latin ones
        "Galaxy A55",
        "45501",
        "十六合彩虹桥",
        "an idiomatic phrase",
    ],
)
def test_ordinary_text_is_normal(text):
    if text == "十六合彩虹桥":
        # Chinese has no gaps between words: only an allowed word can tell, and none is listed.
        assert found(text) == [("Illegal", "六合彩", "六合彩")]
        return
    judgement = judge_text(text)
    assert (judgement.result, judgement.label, judgement.score) == (NORMAL, "Normal", 0)
    assert {finding.engine for finding in judgement.findings} == {"lexicon"}


def test_the_places_are_those_of_the_text_as_it_was_given():
    text = "ﬁrst 恐．怖．襲．擊, then ﬀ p0rn"
    hits = [hit for finding in judge_text(text).findings for hit in finding.hits]
    assert [(text[hit.start : hit.end], hit.written) for hit in hits] == [
        ("p0rn", "p0rn"),
        ("恐．怖．襲．擊", "恐．怖．襲．擊"),
    ]
    assert all(hit.preset and hit.library in ("zh", "en") for hit in hits)


def test_the_manuals_example_is_suspected_and_illegal():
    judgement = judge_text("狙击手")
    assert (judgement.label, judgement.result) == ("Illegal", SUSPECTED)
    assert judgement.worst.keywords == ("狙击手",)
    assert 61 <= judgement.score <= 90


def test_the_gravest_scene_names_the_text():
    judgement = judge_text("狙击手 色情", ("Illegal", "Porn"))
    assert [finding.scene for finding in judgement.findings] == ["Illegal", "Porn"]
    assert (judgement.label, judgement.result, judgement.score) == ("Porn", SENSITIVE, 95)


def test_a_lexicon_of_the_user_adds_scenes_and_allows_words(tmp_path):
    own = lexicon(tmp_path, "[Ads Rival 95]\n甲公司\nacme*\n[allow]\n特别色情\nacmeist\n")
    policy = Policy(lexicons=(own,))
    assert found("买甲.公.司 ACME's 货", policy=policy) == [
        ("Ads", "甲公司", "甲.公.司"),
        ("Ads", "acme", "ACME"),
    ]
    assert found("特别色情 acmeist", policy=policy) == []
    [hit] = [
        hit for finding in judge_text("甲公司", ("Ads",), policy).findings for hit in finding.hits
    ]
    assert (hit.library, hit.preset) == ("own", False)


def test_a_changed_lexicon_counts_at_once(tmp_path):
    own = lexicon(tmp_path, "[Ads Rival 95]\n甲公司\n")
    policy = Policy(lexicons=(own,))
    assert found("甲公司", policy=policy)
    lexicon(tmp_path, "[Ads Rival 95]\n乙公司名\n")
    assert found("甲公司 乙公司名", policy=policy) == [("Ads", "乙公司名", "乙公司名")]


def test_a_scene_without_terms_is_for_review(tmp_path):
    own = lexicon(tmp_path, "[Ads Rival 95]\n甲公司\n")
    judgement = judge_text("something", ("Ads", "Porn"), Policy(lexicons=(own,), preset=False))
    ads, porn = judgement.findings
    assert (ads.result, ads.engine) == (NORMAL, "lexicon")
    assert (porn.result, porn.engine) == (SUSPECTED, "")
    assert porn.reason == f"{NO_ENGINE}: no lexicon has terms for Porn"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("term", "own.txt:1: 'term' is above the first"),
        ("[Pornography Sexual 95]", "own.txt:1: '[Pornography Sexual 95]'; allowed"),
        ("[Porn Sexual 60]", "a score from 61 to 100"),
        ("[Porn Sexual]", "own.txt:1"),
        (f"[Porn Sexual 95]\n{'x' * 65}", "own.txt:2: the term has over 64 characters"),
        ("[Porn Sexual 95]\n!!!", "the term '!!!' of 'own' is too short"),
        ("[Porn Sexual 95]\na", "the term 'a' of 'own' is too short"),
    ],
)
def test_a_wrong_lexicon_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(LexiconError) as caught:
        judge_text("x", policy=Policy(lexicons=(lexicon(tmp_path, text),)))
    assert message in str(caught.value)


def test_an_unreadable_lexicon_is_named(tmp_path):
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(LexiconError, match="cannot be read"):
            judge_text("x", policy=Policy(lexicons=(path,)))
    wrong = tmp_path / "gbk.txt"
    wrong.write_bytes("[Porn Sexual 95]\n色情".encode("gbk"))
    with pytest.raises(LexiconError, match="not UTF-8"):
        judge_text("x", policy=Policy(lexicons=(wrong,)))


def test_an_unknown_scene_is_refused():
    with pytest.raises(ValueError, match="scene 'Spam' is unknown; allowed: Porn, Terrorism"):
        judge_text("x", ("Spam",))


def test_sections_count_from_the_beginning_and_a_term_at_the_seam_is_found_once():
    text = "文" * (SECTION - 1) + "色情" + "字" * SECTION + "六合彩"
    sections = list(judge_sections(text))
    assert [section.start for section in sections] == [0, SECTION, 2 * SECTION]
    assert "".join(section.text for section in sections) == text
    hits = [[hit for f in section.findings for hit in f.hits] for section in sections]
    assert [[(hit.start, hit.written) for hit in row] for row in hits] == [
        [],
        [(SECTION - 1, "色情")],
        [(2 * SECTION + 1, "六合彩")],
    ]
    assert [section.start for section in judge_sections("")] == [0]


def test_every_preset_term_is_found_by_itself():
    for path in preset_files():
        terms = [term for term in read(path, preset=True) if term.scene]
        assert len(terms) > 20
        for term in terms:
            assert (term.scene, term.text) in {hit[:2] for hit in found(term.text)}, term


def test_folding_ascii_alone_is_folding_it_beside_other_text():
    """ASCII takes a shorter way; it must come to the same."""
    text = "".join(map(chr, range(128))) + " p0rn a$$ sooo www I1|l! x0 0x"
    alone, beside = fold(text), fold(text + "中")
    size = alone.points.size
    assert alone.points.tolist() == beside.points[:size].tolist()
    assert alone.origin.tolist() == beside.origin[:size].tolist()
    assert alone.replaced.tolist() == beside.replaced[:size].tolist()
    assert beside.points[size:].tolist() == [ord("中")]


MATCHER = Matcher(
    [Term(word, "Ads", score=80) for word in ("bomb", "色情", "六合彩", "click here")]
    + [Term("特色情况", "")]
)


@given(st.text(max_size=200))
def test_any_text_is_judged_and_hits_lie_inside_of_it(text):
    for match in MATCHER.find(text):
        assert 0 <= match.start < match.end <= len(text)
        assert len(text[match.start : match.end]) >= 2


@given(st.text(alphabet=string.ascii_lowercase + " ", max_size=60), st.sampled_from(".-_*/~"))
def test_a_term_between_any_words_is_found_spelled_or_not(words, gap):
    for form in ("bomb", gap.join("bomb"), "b0mb", "BOMB"):
        text = f"{words} {form} {words}"
        assert (len(words) + 1, len(words) + 1 + len(form)) in {
            (match.start, match.end) for match in MATCHER.find(text)
        }


def test_hostile_text_takes_no_time_to_speak_of():
    """Ten thousand characters of nothing but hits and allowed words: it must not be quadratic."""
    text = "特色情况色情" * 1666
    assert len(MATCHER.find(text)) == 1666
    assert MATCHER.find("b" * 10_000 + "\u0300" * 10_000) == []
