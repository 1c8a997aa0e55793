"""Sound from the shell: fit, score, sample, plot, interpolate, and what is refused."""

import json

import numpy as np
import pytest

from cli.shell import run_command
from pushforward.data import Mel, read_clips, read_table
from pushforward.data.sound._write import write_clip
from pushforward.distillation import distill
from pushforward.modalities.sound import _student

pytest.importorskip("soundfile")
RATE = 8000
SMALL = ("--set", "num_flows=2", "--set", "width=4", "--set", "depth=2", "--set", "early_every=1", "--max-epochs", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips of each of two pitches."""
    place = tmp_path_factory.mktemp("speech")
    for label, hertz in (("high", 900.0), ("low", 300.0)):
        for number in range(2):
            rng = np.random.default_rng(number)
            wave = 3000 * np.sin(2 * np.pi * hertz * np.arange(1024) / RATE) + 100 * rng.normal(size=1024)
            write_clip(place / label / f"{number}.wav", wave.astype(np.int16), RATE)
    return place


@pytest.fixture(scope="module")
def labelled(folder, tmp_path_factory):
    model = tmp_path_factory.mktemp("models") / "pitch.safetensors"
    result = run_command("fit", folder, "-o", model, "--labels", "--length", "256", "--json", *SMALL)
    assert result.exit_code == 0, result.stderr
    return model, result


def test_a_fit_says_what_it_learns(labelled):
    _, result = labelled
    assert "4 clips of 0.5 s in all at 8,000 samples a second: 16 segments of 256 samples of 16 bits" in result.stderr
    assert "given one of 2 labels" in result.stderr
    assert "nats per sample" in result.stderr
    report = json.loads(result.stdout)
    assert (report["modality"], report["rate"], report["labels"]) == ("sound", RATE, ["high", "low"])
    assert -12 < report["nats_per_sample"] < 0


def test_clips_are_scored_by_name(works, labelled, folder, tmp_path):
    works("score", labelled[0], folder, "-o", tmp_path / "scores.csv")
    table = read_table(tmp_path / "scores.csv")
    assert list(table.names) == ["clip", "seconds", "samples", "nats_per_sample", "bits_per_sample", "log_prob"]
    assert list(table.categories["clip"]) == ["high/0.wav", "high/1.wav", "low/0.wav", "low/1.wav"]
    column = dict(zip(table.names, np.asarray(table.values).T, strict=True))
    np.testing.assert_allclose(column["nats_per_sample"] * column["samples"], column["log_prob"], rtol=1e-6)
    np.testing.assert_allclose(column["bits_per_sample"], -column["nats_per_sample"] / np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(column["samples"], 1024)


def test_clips_are_drawn_to_files(works, labelled, folder, tmp_path):
    works("sample", labelled[0], "--label", "low", "-n", "2", "--seconds", "0.1", "-o", tmp_path / "out")
    drawn = read_clips(tmp_path / "out")
    assert [(len(wave), drawn.rate, drawn.bits) for wave in drawn.waves] == [(800, RATE, 16)] * 2
    works("sample", labelled[0], "--label", "high", "--like", folder / "low" / "0.wav", "-o", tmp_path / "one.flac")
    assert len(read_clips(tmp_path / "one.flac").waves[0]) == 1024
    works("sample", labelled[0], "--label", "high", "-n", "3", "-o", tmp_path / "some.npz")
    assert len(read_clips(tmp_path / "some.npz")) == 3


def test_pictures_and_walks(works, labelled, folder, tmp_path):
    for what, more in (("samples", [folder]), ("mel", []), ("layers", []), ("loss", [])):
        works("plot", labelled[0], *more, "--what", what, "-o", tmp_path / f"{what}.png")
        assert (tmp_path / f"{what}.png").stat().st_size > 3000
    ends = folder / "low" / "0.wav", folder / "high" / "0.wav"
    works("interpolate", labelled[0], *ends, "--label", "low", "--steps", "3", "-o", tmp_path / "walk")
    walk, first = read_clips(tmp_path / "walk"), read_clips(ends[0])
    assert len(walk) == 3
    assert np.abs(walk.waves[0].astype(int) - first.waves[0][: len(walk.waves[0])]).max() <= 1
    assert "8,000 samples a second" in works("show", labelled[0]).stdout


def test_a_vocoder_needs_a_clip(works, fails, folder, tmp_path):
    model = tmp_path / "voice.safetensors"
    frames = ("--mel", "--mel-frame", "64", "--mel-hop", "32", "--mel-bands", "4")
    works("fit", folder, "-o", model, *frames, "--length", "256", *SMALL)
    works("sample", model, "--like", folder / "low" / "0.wav", "-o", tmp_path / "out.wav")
    assert len(read_clips(tmp_path / "out.wav").waves[0]) == 1024
    works("sample", model, "--like", folder / "low" / "0.wav", "--match", "5", "-o", tmp_path / "near.wav")
    mel = Mel(RATE, frame=64, hop=32, bands=4)
    made = [
        read_clips(path).waves[0] for path in (folder / "low" / "0.wav", tmp_path / "out.wav", tmp_path / "near.wav")
    ]
    true, out, near = (mel(wave, full=32768.0) for wave in made)
    assert np.abs(near - true).mean() < 0.5 * np.abs(out - true).mean()
    assert "--like clip.wav" in fails("sample", model, "-o", tmp_path / "out.wav")[1]


def test_a_student_takes_the_place_of_its_teacher(works, fails, folder, tmp_path, monkeypatch):
    weights = []

    def noted(*parts, forward, **options):
        weights.append(forward)
        return distill(*parts, forward=forward, **options)

    monkeypatch.setattr(_student, "distill", noted)
    teacher, student = tmp_path / "slow.safetensors", tmp_path / "fast.safetensors"
    net = ("--set", "width=4", "--set", "depth=3", "--set", "num_blocks=1")
    works("fit", folder, "-o", teacher, "--flow", "wavenet", "--labels", "--length", "64", "--max-epochs", "1", *net)
    assert "has to see labels" in fails("distill", teacher, "-o", student, code=2)[0]
    asked = (
        "--flow",
        "parallel-wavenet",
        "--set",
        "num_flows=1",
        *net,
        "--max-epochs",
        "1",
        "--data",
        folder,
        "--json",
    )
    report = json.loads(works("distill", teacher, "-o", student, *asked).stdout)
    assert report["flow"] == "parallel-wavenet"
    assert report["kl_per_dim"] < 1.0
    works("sample", student, "--label", "low", "--seconds", "0.1", "-o", tmp_path / "out.wav")
    assert len(read_clips(tmp_path / "out.wav").waves[0]) == 800
    assert "parallel-wavenet" in works("show", student).stdout
    works("distill", teacher, "-o", student, *asked, "--forward", "0")
    assert weights == [0.5, 0.0]  # at recordings, where nothing is said


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--length", "100"), "give --length 96", 1),
        (("--length", "4096"), "fill them up with silence by `--pad`", 1),
        (("--mel-hop", "32"), "--mel-hop is for --mel", 2),
        (("--flow", "nsf"), "choose a flow of clips of sound, such as --flow waveglow", 1),
        (("--channel", "2"), "has no channel 2", 1),
    ],
)
def test_what_cannot_be_fitted(fails, folder, tmp_path, arguments, said, code):
    assert said in " ".join(fails("fit", folder, "-o", tmp_path / "no.safetensors", *arguments, code=code))


def test_where_clips_cannot_go(fails, labelled, tmp_path):
    asked = "sample", labelled[0], "--label", "low"
    assert "give -o out.wav" in fails(*asked, code=2)[1]
    assert "do not go to one file" in fails(*asked, "-n", "2", "-o", tmp_path / "a.wav", code=2)[0]
    assert "give -o out.wav, .flac, .ogg or a folder/" in fails(*asked, "-o", tmp_path / "a.txt", code=2)[1]
