"""Sound from files: every coding at its own scale, one rate, and bad files by their names."""

import numpy as np
import pytest

from pushforward.data import Clips, Mel, read_clips
from pushforward.data.sound import _audio, _mel
from pushforward.data.sound._audio import BLOCK
from pushforward.data.sound._segments import cut, laid_out
from pushforward.data.sound._write import write_clip

soundfile = pytest.importorskip("soundfile")
RATE = 8000


def tone(count=4000, rate=RATE, hertz=440.0, loud=0.5):
    return loud * np.sin(2 * np.pi * hertz * np.arange(count) / rate)


@pytest.fixture
def whole():
    """Whole numbers of 16 bits, with both ends of the range."""
    values = np.random.default_rng(0).integers(-20000, 20000, 3000).astype(np.int16)
    values[:2] = -32768, 32767
    return values


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_sixteen_bits_come_back_as_they_are(tmp_path, whole, ending):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, whole, RATE, subtype="PCM_16")
    clips = read_clips(path)
    assert (clips.rate, clips.bits, clips.names) == (RATE, 16, (f"a.{ending}",))
    np.testing.assert_array_equal(clips.waves[0], whole)


@pytest.mark.parametrize(("subtype", "shift"), [("PCM_24", 8), ("PCM_32", 16)])
def test_more_bits_are_rounded_to_sixteen_and_told(tmp_path, whole, subtype, shift):
    # libsndfile takes 32-bit whole numbers as left-justified in both codings
    fine = (whole.astype(np.int64) << 16) + (1 << 13) * (whole % 3 - 1)
    soundfile.write(tmp_path / "a.wav", np.clip(fine, -(2**31), 2**31 - 1).astype(np.int32), RATE, subtype=subtype)
    clips = read_clips(tmp_path / "a.wav")
    np.testing.assert_array_equal(clips.waves[0], whole)
    assert any("rounded to 16 bits" in remark for remark in clips.remarks)


def test_floats_of_one_are_full_scale(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.0, 0.25, -0.5, 1.0, -1.0]), RATE, subtype="DOUBLE")
    np.testing.assert_array_equal(read_clips(tmp_path / "a.wav").waves[0], [0, 8192, -16384, 32767, -32768])


def test_eight_bits_are_whole_numbers_of_eight_bits(tmp_path):
    values = np.arange(-128, 128)
    soundfile.write(tmp_path / "a.wav", (values << 8).astype(np.int16), RATE, subtype="PCM_U8")
    clips = read_clips(tmp_path / "a.wav")
    assert clips.bits == 8
    np.testing.assert_array_equal(clips.waves[0], values)
    np.testing.assert_array_equal(read_clips(tmp_path / "a.wav", bits=16).waves[0], values << 8)


def test_ogg_is_read(tmp_path):
    soundfile.write(tmp_path / "a.ogg", tone(8000), RATE)
    wave = read_clips(tmp_path / "a.ogg").waves[0]
    assert np.corrcoef(wave, tone(len(wave)))[0, 1] > 0.99


def test_channels_are_mixed_or_chosen(tmp_path):
    left, right = tone(hertz=300.0), tone(hertz=700.0)
    soundfile.write(tmp_path / "a.wav", np.column_stack([left, right]), RATE, subtype="PCM_16")
    one, two = (read_clips(tmp_path / "a.wav", channel=channel).waves[0] for channel in ("1", "2"))
    np.testing.assert_allclose(one, 32768 * left, atol=1)
    np.testing.assert_allclose(two, 32768 * right, atol=1)
    mixed = read_clips(tmp_path / "a.wav")
    np.testing.assert_allclose(mixed.waves[0], 16384 * (left + right), atol=2)
    assert "the mean of the channels of a.wav" in mixed.remarks[0]
    with pytest.raises(ValueError, match="has no channel 3"):
        read_clips(tmp_path / "a.wav", channel="3")


def test_another_rate_keeps_the_pitch(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2 * BLOCK // 3), 44100)  # a tone of 440 * 44100 / 8000 hertz
    wave = read_clips(tmp_path / "a.wav", rate=16000).waves[0]
    loud = np.abs(np.fft.rfft(wave[:16000] * np.hanning(16000)))
    assert abs(int(np.argmax(loud)) - 440 * 44100 / 8000) <= 1
    assert abs(len(wave) - (2 * BLOCK // 3) * 16000 / 44100) <= 1
    assert np.sqrt(np.mean(np.square(wave[100:-100] / 32768))) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


def test_a_long_clip_is_kept_in_a_file(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(_audio, "MEMORY", 1000)
    monkeypatch.setattr(_audio, "BLOCK", 400)
    soundfile.write(tmp_path / "a.wav", whole, RATE)
    wave = read_clips(tmp_path / "a.wav").waves[0]
    assert isinstance(wave, np.memmap)
    np.testing.assert_array_equal(wave, whole)


def test_folders_are_labels(tmp_path):
    for label in ("cat", "dog"):
        for number in range(2):
            write_clip(tmp_path / label / f"{number}.wav", (1000 * tone()).astype(np.int16), RATE)
    clips = read_clips(tmp_path)
    assert clips.names == ("cat/0.wav", "cat/1.wav", "dog/0.wav", "dog/1.wav")
    assert clips.label_names == ("cat", "dog")
    np.testing.assert_array_equal(clips.labels, [0, 0, 1, 1])


def test_arrays(tmp_path, whole):
    np.savez(tmp_path / "a.npz", audio=whole, length=[1000, 2000], rate=RATE, label=["b", "a"])
    clips = read_clips(tmp_path / "a.npz")
    np.testing.assert_array_equal(clips.waves[1], whole[1000:])
    assert (clips.rate, clips.label_names, clips.labels.tolist()) == (RATE, ("a", "b"), [1, 0])
    np.savez(tmp_path / "b.npz", audio=whole)
    with pytest.raises(ValueError, match="how many samples a second"):
        read_clips(tmp_path / "b.npz")
    assert read_clips(tmp_path / "b.npz", rate=RATE).rate == RATE


def write_bad(folder, kind):
    values = tone()
    if kind == "nan":
        values[7] = np.nan
    if kind == "silent":
        values[:] = 0.0
    if kind == "empty":
        values = values[:0]
    if kind == "video":
        (folder / "bad.wav").write_bytes(b"\x00\x00\x00 ftypisom" + bytes(range(256)) * 20)
    else:
        soundfile.write(folder / "bad.wav", values, RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nan", r"bad\.wav: sample 8 is NaN"),
        ("silent", r"bad\.wav: is silent"),
        ("empty", r"bad\.wav: holds no samples"),
        ("video", r"bad\.wav: not a file of sound.*\n.*takes the sound out of a video"),
    ],
)
def test_bad_files_are_named_and_can_be_left_out(tmp_path, kind, said):
    soundfile.write(tmp_path / "good.wav", tone(), RATE)
    write_bad(tmp_path, kind)
    with pytest.raises(ValueError, match=said):
        read_clips(tmp_path)
    clips = read_clips(tmp_path, skip_bad=True)
    assert clips.names == ("good.wav",)
    assert any("bad.wav" in remark for remark in clips.remarks)


def test_clipped_sound_is_told(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.clip(3 * tone(), -1, 1), RATE)
    soundfile.write(tmp_path / "peak.wav", tone(loud=0.99999), RATE)
    assert [remark for remark in read_clips(tmp_path).remarks if "clipped" in remark] == [
        "loud.wav is clipped: it stays at full scale, where its loudest parts are cut off"
    ]


def test_several_rates_are_named(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), 8000)
    soundfile.write(tmp_path / "b.wav", tone(), 16000)
    with pytest.raises(ValueError, match=r"1 of 8,000 \(a\.wav\); 1 of 16,000 \(b\.wav\).*\n.*--rate 8000"):
        read_clips(tmp_path)
    assert read_clips(tmp_path, rate=8000).rate == 8000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"rate": 0}, "`rate` must be"), ({"bits": 17}, "`bits` must be"), ({"channel": "left"}, "no channel 'left'")],
)
def test_wrong_options(tmp_path, wrong, said):
    with pytest.raises(ValueError, match=said):
        read_clips(tmp_path, **wrong)


def test_segments_say_what_is_left_out():
    waves = tuple(np.arange(count, dtype=np.int16) for count in (10, 7))
    clips = Clips(waves, RATE, names=("a", "b"))
    segments = cut(clips, 4)
    np.testing.assert_array_equal(segments.values, [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 2, 3]])
    assert (segments.clip.tolist(), segments.start.tolist()) == ([0, 0, 1], [0, 4, 0])
    assert laid_out(clips, 4)[2:] == (5, 0)
    filled = cut(clips, 4, pad=True)
    np.testing.assert_array_equal(filled.values[2], [8, 9, 0, 0])
    assert len(filled.values) == 5
    assert laid_out(clips, 4, pad=True)[2:] == (0, 3)
    with pytest.raises(ValueError, match="1 of 2 clips are shorter than a segment of 8 samples, such as b"):
        cut(clips, 8)


MELS = [
    (22050, {}, 10000),
    (8000, {"frame": 256, "hop": 64, "bands": 20}, 5001),
    (16000, {"frame": 800, "hop": 200, "bands": 64, "low": 50.0, "high": 7600.0}, 9999),
]


@pytest.mark.parametrize(("rate", "options", "count"), MELS)
def test_spectrograms_are_those_of_librosa(rate, options, count):
    librosa = pytest.importorskip("librosa")
    wave, mel = 0.1 * np.random.default_rng(0).normal(size=count), Mel(rate, **options)
    limits = {"sr": rate, "n_mels": mel.bands, "fmin": mel.low, "fmax": mel.top}
    sizes = {"n_fft": mel.frame, "hop_length": mel.hop, "pad_mode": "reflect", "power": 1.0}
    theirs = np.log(np.maximum(librosa.feature.melspectrogram(y=wave, **limits, **sizes).T, 1e-5))
    ours = mel(wave)
    assert len(ours) == -(-count // mel.hop)
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=1e-4)


def test_frames_of_a_part_are_those_of_the_whole():
    wave, mel = np.random.default_rng(0).integers(-3000, 3000, 20000).astype(np.int16), Mel()
    whole = mel(wave, full=32768.0)
    np.testing.assert_array_equal(mel(wave, 5, 30, full=32768.0), whole[5:30])
    np.testing.assert_allclose(whole, mel(wave / 32768.0), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"bands": 400}, "too many for frames"), ({"high": 20000.0}, "beyond 0 to 11025"), ({"hop": 0}, "at least 1")],
)
def test_spectrograms_that_cannot_be(options, said):
    with pytest.raises(ValueError, match=said):
        Mel(**options)


def test_written_clips_come_back(tmp_path, whole):
    write_clip(tmp_path / "deep" / "a.flac", whole, RATE)
    np.testing.assert_array_equal(read_clips(tmp_path / "deep" / "a.flac").waves[0], whole)
    small = np.arange(-128, 128, dtype=np.int16)
    write_clip(tmp_path / "b.wav", small, RATE, bits=8)
    np.testing.assert_array_equal(read_clips(tmp_path / "b.wav").waves[0], small)
    with pytest.raises(ValueError, match="not a kind of file"):
        write_clip(tmp_path / "b.xyz", small, RATE)


def noise_and_bands(count=5000):
    mel = Mel(rate=RATE, frame=256, hop=64, bands=20)
    return np.random.default_rng(1).normal(size=count), mel


def test_a_sound_that_is_too_soft_is_made_loud_at_once():
    # In a band that hears all of the sound the gain is one number, so that a round makes up for all of it.
    mel = Mel(rate=RATE, frame=256, hop=64, bands=1, low=100.0, high=3900.0)
    wave = tone(4000, hertz=1000.0, loud=0.2)
    np.testing.assert_allclose(mel.bring(wave, mel(3 * wave), 1)[256:-256], 3 * wave[256:-256], atol=0.01)
    np.testing.assert_allclose(mel.bring(wave, mel(wave), 3), wave, atol=1e-6)
    most = mel.bring(wave, mel(wave) + 5.0, 1)  # one round changes no band by more than three nats
    np.testing.assert_allclose(most[256:-256], np.exp(3.0) * wave[256:-256], rtol=0.05, atol=0.05)


def test_between_two_bands_a_gain_is_their_mean_by_how_much_they_hear():
    mel = Mel(rate=RATE, frame=1024, hop=256, bands=2, low=200.0, high=3800.0)
    hertz = 1000.0  # a frequency of the spectrum, so that all of the tone is near one row of the filters
    first, second = mel.filters()[:, round(hertz * mel.frame / RATE)]
    assert min(first, second) > 0
    assert abs(first - second) > 0.2 * (first + second)
    wave = tone(8000, hertz=hertz, loud=0.2)
    louder = mel.bring(wave, mel(wave) + np.array([1.0, 0.0]), 1)
    middle = slice(2048, -2048)
    np.testing.assert_allclose(louder[middle], np.exp(first / (first + second)) * wave[middle], atol=0.004)


def test_every_round_is_nearer_and_what_is_not_heard_stays():
    wave, mel = noise_and_bands()
    wanted = mel(0.3 * np.cumsum(wave) / 30)
    off = [np.abs(mel(mel.bring(wave, wanted, rounds)) - wanted).mean() for rounds in (1, 3, 10, 30)]
    assert off == sorted(off, reverse=True)
    assert off[-1] < 0.1 * np.abs(mel(wave) - wanted).mean()
    low = Mel(rate=RATE, frame=256, hop=64, bands=8, high=1000.0)
    kept = low.bring(wave, low(0.1 * wave), 5) - wave
    loud = np.abs(np.fft.rfft(kept * np.hanning(len(kept))))
    assert loud[1200 * len(kept) // RATE :].max() < 0.02 * loud.max()


def test_silence_stays_silent_and_whole_numbers_whole():
    wave, mel = noise_and_bands()
    assert not mel.bring(np.zeros(5000), mel(wave)).any()
    whole = (1000 * wave).astype(np.int16)
    brought = mel.bring(whole, mel(40 * whole.astype(float), full=32768.0), full=32768.0)
    assert brought.dtype == np.int16  # and within full scale, though forty times as much is beyond it
    assert brought.max() == 32767
    assert brought.min() == -32768


@pytest.mark.parametrize("hop", [64, 200])  # the second leaves samples at which all windows are small
def test_a_long_sound_is_brought_in_pieces_as_in_one(monkeypatch, hop):
    wave, mel = np.random.default_rng(2).normal(size=9000), Mel(rate=RATE, frame=256, hop=hop, bands=20)
    wanted = mel(np.cumsum(wave) / 30)
    whole = mel.bring(wave, wanted, 3)
    monkeypatch.setattr(_mel, "PIECE", 10)
    np.testing.assert_allclose(mel.bring(wave, wanted, 3), whole, atol=1e-12)
    assert np.abs(whole).max() < 20 * np.abs(wave).max()


def test_spectrograms_that_do_not_fit_are_refused():
    wave, mel = noise_and_bands()
    for frames in (mel(wave)[1:], mel(wave)[:, 1:], np.where(np.arange(20) == 3, np.nan, mel(wave))):
        with pytest.raises(ValueError, match=r"finite spectrogram of shape \(79, 20\)"):
            mel.bring(wave, frames)
    with pytest.raises(ValueError, match="at least one round"):
        mel.bring(wave, mel(wave), 0)
    with pytest.raises(ValueError, match=r"full scale of more than 1.*\n.*32768"):
        mel.bring((1000 * wave).astype(np.int16), mel(wave))
    with pytest.raises(ValueError, match="not finite"):
        mel.bring(np.where(np.arange(5000) == 7, np.nan, wave), mel(wave))
