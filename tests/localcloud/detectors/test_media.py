"""Videos are judged by the snapshots asked for; sound is for review unless there is none."""

import struct
import subprocess
import wave

import pytest

from localcloud.detectors.judgement import (
    BROKEN,
    NO_ENGINE,
    NORMAL,
    NOT_ELIGIBLE,
    SENSITIVE,
    SUSPECTED,
    TOO_LARGE,
    UnjudgeableError,
)
from localcloud.detectors.media import audio, ffmpeg, video
from localcloud.detectors.policy import Snapshots
from tests.localcloud.detectors import samples

SCENE = ("Illegal", "Ads")


def make(path, *options):
    """A file made by ffmpeg."""
    command = [ffmpeg.program(), "-nostdin", "-v", "error", "-y", *map(str, options), str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Six seconds: plain, but for the seconds 2 to 4, in which a term is written; no sound."""
    folder = tmp_path_factory.mktemp("film")
    samples.page("hello", size=(420, 120)).save(folder / "a.png")
    samples.page("赌博网站", size=(420, 120)).save(folder / "b.png")
    still = ["-loop", 1, "-framerate", 5, "-t", 2, "-i"]
    joined = "[0][1][2]concat=n=3,format=yuv420p"
    inputs = [word for name in ("a", "b", "a") for word in (*still, folder / f"{name}.png")]
    return make(folder / "film.mp4", *inputs, "-filter_complex", joined, "-g", 5)


@pytest.fixture(scope="module")
def sounding(tmp_path_factory):
    """Half a minute of a tone, 90 s of silence, half a minute of a tone."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    tone = bytes(
        value for step in range(4000) for value in ((0, 40) if step % 20 < 10 else (0, 200))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(4000)
        file.writeframes(tone * 30 + bytes(8000) * 90 + tone * 30)
    return path


def refusal(function, path):
    with pytest.raises(UnjudgeableError) as caught:
        list(function(path))
    return caught.value.number, caught.value.message


def test_the_snapshots_asked_for_are_judged(film):
    found = {
        mode: [(one.start, one.result, one.worst.keywords) for one in judged]
        for mode, judged in (
            (
                "interval",
                list(video.judge_video(film, Snapshots("Interval", 10, 1.5), False, SCENE[:1])),
            ),
            (
                "average",
                list(video.judge_video(film, Snapshots("Average", 2, 1.5), False, SCENE[:1])),
            ),
        )
    }
    review, blocked = (SUSPECTED, ()), (SENSITIVE, ("赌博网站",))
    assert found["interval"] == [(0, *review), (1500, *review), (3000, *blocked), (4500, *review)]
    assert found["average"] == [(0, *review), (3000, *blocked)]


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        (Snapshots("Interval", 100, 2), [0, 2, 4, 6, 8]),
        (Snapshots("Interval", 3, 2), [0, 2, 4]),
        (Snapshots("Interval", 4), [0, 2.5, 5, 7.5]),
        (Snapshots("Average", 4, 1), [0, 2.5, 5, 7.5]),
        (Snapshots("Fps", 5, 2), [0, 0.5, 1, 1.5, 2]),
        (Snapshots("Fps", 2), [0, 5]),
    ],
)
def test_when_snapshots_are_taken(snapshots, expected):
    assert video.times(snapshots, 10.0) == expected


@pytest.mark.parametrize(
    ("snapshots", "message"),
    [
        (Snapshots("Random"), "Mode is 'Random'; allowed: Interval, Average, Fps"),
        (Snapshots(count=0), "Count is 0; allowed: 1 to 10000"),
        (Snapshots(count=10_001), "Count is 10001"),
        (Snapshots(time_interval=61), "TimeInterval is 61; allowed: 0 to 60 seconds"),
    ],
)
def test_snapshots_that_ci_refuses(snapshots, message):
    with pytest.raises(ValueError, match=message):
        video.times(snapshots, 10.0)


def test_frames_between_snapshots_are_not_decoded(film, monkeypatch):
    """Each run of ffmpeg seeks before it opens the file, and stops after one frame."""
    runs = []
    whole = ffmpeg.run

    def spy(before, path, after, seconds):
        runs.append((before, after))
        return whole(before, path, after, seconds)

    monkeypatch.setattr(ffmpeg, "run", spy)
    list(video.judge_video(film, Snapshots("Average", 2), False, ("Abuse",)))
    (_, header), (_, measure), *shots = runs
    assert header == []
    assert measure[measure.index("-c") + 1] == "copy"
    assert [before[-2:] for before, _ in shots] == [["-ss", "0.000"], ["-ss", "3.000"]]
    assert all(after[after.index("-frames:v") + 1] == "1" for _, after in shots)


def test_sound_is_for_review_but_for_silence(sounding):
    judged = list(audio.judge_audio(sounding, SCENE))
    assert [(one.kind, one.start, one.duration, one.result) for one in judged] == [
        ("audio", 0, 60_000, SUSPECTED),
        ("audio", 60_000, 60_000, NORMAL),
        ("audio", 120_000, 30_000, SUSPECTED),
    ]
    assert judged[0].worst.reason == f"{NO_ENGINE}: speech is not understood"
    assert {finding.engine for finding in judged[1].findings} == {"silencedetect"}


def test_a_films_sound_is_judged_if_wanted(film, sounding, tmp_path):
    both = make(tmp_path / "both.mkv", "-i", film, "-i", sounding, "-map", "0:v", "-map", "1:a",
                "-c:v", "copy", "-c:a", "pcm_s16le", "-t", 6)  # fmt: skip
    kinds = [
        [one.kind for one in video.judge_video(both, Snapshots("Average", 1), sound, ("Abuse",))]
        for sound in (False, True)
    ]
    assert kinds == [["video"], ["video", "audio"]]
    silent = list(video.judge_video(film, Snapshots("Average", 1), True, ("Abuse",)))
    assert [one.kind for one in silent] == ["video"]
    assert [one.start for one in audio.judge_audio(both, ("Abuse",))] == [0]


def test_what_is_no_video_is_refused(film, sounding, tmp_path):
    path = tmp_path / "file.mp4"
    for data, number in ((b"", BROKEN), (b"hello " * 99, NOT_ELIGIBLE)):
        path.write_bytes(data)
        assert refusal(video.judge_video, path)[0] == number
    assert refusal(video.judge_video, sounding) == (NOT_ELIGIBLE, "the file has no video")
    assert refusal(audio.judge_audio, film) == (NOT_ELIGIBLE, "the file has no sound")
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)
    assert refusal(video.judge_video, path)[0] == TOO_LARGE
    assert refusal(audio.judge_audio, path)[0] == TOO_LARGE


def test_a_playlist_reads_no_other_file(film, tmp_path):
    """It names a film that could be opened; no container that names files is."""
    lists = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{film}\n#EXT-X-ENDLIST\n",
        "b.txt": f"ffconcat version 1.0\nfile '{film}'\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        assert refusal(video.judge_video, tmp_path / name)[0] == NOT_ELIGIBLE
    odd = tmp_path / "-y http:x.mp4"
    odd.write_bytes(film.read_bytes())
    assert [one.kind for one in video.judge_video(odd, Snapshots("Average", 1), scenes=("Ads",))]


def test_a_film_that_breaks_off_is_for_review(film, tmp_path):
    """The header promises six seconds, the data ends before."""
    whole = make(tmp_path / "whole.mkv", "-i", film, "-c", "copy")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    judged = list(video.judge_video(cut, Snapshots("Average", 2), scenes=("Abuse",)))
    assert [one.result for one in judged] == [NORMAL, SUSPECTED]
    assert judged[1].worst.reason == f"{NO_ENGINE}: the snapshot cannot be decoded"


def test_the_last_frame_is_shown_until_the_end(tmp_path):
    """More snapshots than frames: those behind the last frame's beginning show it still."""
    samples.page("hello", size=(420, 120)).save(tmp_path / "a.png")
    samples.page("free gift card", size=(420, 120)).save(tmp_path / "b.png")
    inputs = ["-loop", 1, "-framerate", 2, "-t", 1, "-i", tmp_path / "a.png",
              "-loop", 1, "-framerate", 2, "-t", 0.5, "-i", tmp_path / "b.png"]  # fmt: skip
    path = make(tmp_path / "a.mp4", *inputs, "-filter_complex", "concat=n=2,format=yuv420p")
    found = list(video.judge_video(path, Snapshots("Average", 6), scenes=("Ads",)))
    assert [each.result for each in found] == [NORMAL] * 3 + [SENSITIVE] * 3


def test_a_film_without_a_duration_in_its_header_is_measured(film, tmp_path):
    live = make(tmp_path / "film.mkv", "-i", film, "-c", "copy", "-live", 1)
    _, said = ffmpeg.run([], live, [], 30)
    assert "Duration: N/A" in said
    assert 5 < ffmpeg.probe(live, video.MAX_SIZE).duration < 7


def test_a_film_that_is_longer_than_its_header_says_is_judged_whole(film, tmp_path):
    """Matroska's element Duration, in ms, is set to one second."""
    whole = make(tmp_path / "whole.mkv", "-i", film, "-c", "copy").read_bytes()
    place = whole.index(b"\x44\x89\x88") + 3
    short = tmp_path / "short.mkv"
    short.write_bytes(whole[:place] + struct.pack(">d", 1000.0) + whole[place + 8 :])
    _, said = ffmpeg.run([], short, [], 30)
    assert "Duration: 00:00:01.00" in said
    judged = list(video.judge_video(short, Snapshots("Average", 2), scenes=("Illegal",)))
    assert judged[1].worst.keywords == ("赌博网站",)


def test_what_else_a_film_shows_is_for_review(film, tmp_path):
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\ncocaine\n")
    samples.page("hello").save(tmp_path / "a.png")
    copy = ["-map", 0, "-c", "copy"]
    second = ["-map", 1, "-c:v:1"]
    for options, what in (
        (["-i", film, *copy, "-map", 1], "1 further videos"),
        (["-i", tmp_path / "a.srt", *copy, "-map", 1, "-c:s", "srt"], "1 subtitles"),
        (["-i", tmp_path / "a.png", *copy, *second, "png", "-disposition:v:1", "attached_pic"],
         "1 cover pictures"),
        ([*copy, "-attach", tmp_path / "a.srt", "-metadata:s:t", "mimetype=text/plain"],
         "1 attached files"),
    ):  # fmt: skip
        form = "mp4" if "cover" in what else "mkv"
        path = make(tmp_path / f"more.{form}", "-i", film, *options)
        shots = list(video.judge_video(path, Snapshots("Average", 1), scenes=("Abuse",)))
        assert [(shot.kind, shot.result) for shot in shots] == [
            ("video", NORMAL),
            ("video", SUSPECTED),
        ], what
        assert shots[1].worst.reason.startswith(f"{NO_ENGINE}: {what} are not looked at")


def test_a_second_sound_does_not_pass_with_the_first(tmp_path):
    quiet, tone = ["-f", "lavfi", "-i", "anullsrc=d=2"], ["-f", "lavfi", "-i", "sine=d=2"]
    one = make(tmp_path / "one.mka", *quiet, "-c:a", "flac")
    assert [part.result for part in audio.judge_audio(one, ("Abuse",))] == [NORMAL]
    two = make(tmp_path / "two.mka", *quiet, *tone, "-map", 0, "-map", 1, "-c:a", "flac")
    [judged] = audio.judge_audio(two, ("Abuse",))
    assert judged.worst.reason == f"{NO_ENGINE}: of 2 sounds one alone is heard at a time"
