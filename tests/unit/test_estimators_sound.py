"""Models of sound: any length, in pieces, given labels and spectrograms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import Clips
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities._walk import decoded
from pushforward.modalities.sound import _model
from pushforward.modalities.sound._flow import LARGE_GROUPS
from pushforward.modalities.sound._pieces import BLOCK, pieces, uniform
from pushforward.modalities.sound._plan import plan
from pushforward.modalities.sound._prepare import Sounds, facts_of, prepare
from pushforward.modalities.sound._reach import reach
from pushforward.modalities.sound._settings import SoundSettings
from pushforward.modalities.sound._synthesis import noise
from pushforward.testing import perturb
from pushforward.train import FitResult

RATE = 8000
SMALL = {"num_flows": 2, "width": 4, "depth": 2, "early_every": 1}


def speech(count, seed=0):
    """Noise whose loudness comes and goes."""
    rng = np.random.default_rng(seed)
    loud = 1000 + 800 * np.sin(np.arange(count) / 300)
    return (loud * np.convolve(rng.normal(size=count + 4), np.ones(5) / 2, "valid")).astype(np.int16)


def clips(*counts, labels=None):
    waves = tuple(speech(count, seed) for seed, count in enumerate(counts))
    names = tuple(f"{number}.wav" for number in range(len(counts)))
    numbers = None if labels is None else np.array(labels)
    return Clips(waves, RATE, 16, names, numbers, () if labels is None else ("high", "low"))


def fitted(flow="waveglow", options=SMALL, **settings):
    labels = (0, 1, 0, 1) if settings.get("conditional") else None
    model = pf.SoundDensity(flow, options=options, length=256, max_epochs=1, random_state=0, **settings)
    return moved(model.fit(clips(1024, 1024, 900, 1300, labels=labels)))


def moved(model):
    """The same model away from where a flow starts, so that its networks say something."""
    flow = perturb(model.flow_, 0.05)
    model.model_ = model.model_.__class__(**{**vars(model.model_), "flow": flow})
    return model


@pytest.fixture(scope="module")
def plain():
    return fitted()


@pytest.fixture(scope="module")
def spoken():
    return fitted(conditional=True, mel={"frame": 64, "hop": 32, "bands": 4})


@pytest.mark.parametrize("count", [1, 99, 100, 101, 170, 171, 1000, 1001])
def test_pieces_count_every_sample_once(count):
    counted = np.zeros(count, int)
    for piece in pieces(count, 100, 30):
        counted[piece.start : piece.stop] += piece.sign
        assert piece.stop - piece.start <= 100
    np.testing.assert_array_equal(counted, 1)


def test_noise_does_not_depend_on_the_cut():
    whole = uniform(1, 0, 2 * BLOCK + 10)
    np.testing.assert_array_equal(uniform(1, BLOCK - 5, BLOCK + 7), whole[BLOCK - 5 : BLOCK + 7])
    assert 0 <= whole.min() < whole.max() < 1
    assert whole.mean() == pytest.approx(0.5, abs=0.005)


def test_a_score_is_that_of_the_flow(plain):
    wave = clips(256).waves[0]
    x = (wave + uniform(0, 0, 256)) / np.float32(plain.facts_.scale)
    right = plain.flow_.base.log_prob(x) - 256 * np.log(plain.facts_.scale)
    found = plain.score_clips(clips(256))
    assert found.samples.tolist() == [256]
    assert found.log_prob[0] == pytest.approx(float(right), rel=1e-6)


def test_the_reach_is_what_a_sample_is_seen_from(plain):
    flow, length = plain.at(1024), 1024
    start = jnp.asarray(np.random.default_rng(0).normal(size=length), jnp.float32)

    def contributions(x):
        z, log_det = flow.bijection.inverse_and_log_det(x)
        return jnp.sum(flow.base.log_prob(z)) + log_det

    def seen(x):  # how the gradient at sample 512 changes with the other samples
        return jax.grad(contributions)(x)[512]

    touched = np.flatnonzero(np.asarray(jax.grad(seen)(start)))
    assert 8 < touched.max() - 512 <= 2 * reach(flow)
    assert 8 < 512 - touched.min() <= 2 * reach(flow)


OTHERS = {
    "wavenet": {"width": 4, "depth": 3, "num_blocks": 1},
    "wavenet of logistics": {"width": 4, "depth": 3, "num_blocks": 1, "emission": "logistics"},
    "parallel-wavenet": {"num_flows": 2, "width": 4, "depth": 3},
    "flowavenet": {"num_blocks": 3, "num_flows": 1, "split_every": 1, "width": 4},
}


def untrained(name):
    """A model of another flow, that has seen no data but their scale."""
    recipe = name.split()[0]
    settings = SoundSettings(recipe, options=OTHERS[name], length=256)
    ready = prepare(Sounds(clips(1024, 1024), None), settings, jax.random.key(0))
    model = pf.SoundDensity(recipe)
    result = FitResult(ready.flow, (), 0, 0.0, 0.0, "", (), 0.0)
    model.model_ = Model("sound", ready.flow, ready.facts, {"flow": recipe}, result)
    return moved(model)


@pytest.fixture(scope="module", params=list(OTHERS))
def other(request):
    return untrained(request.param)


def test_pieces_of_other_flows_add_up_to_the_whole(other, monkeypatch):
    long = clips(4096)
    whole = other.score_clips(long)
    monkeypatch.setattr(_model, "PIECE", 1024)
    assert other.score_clips(long).log_prob[0] == pytest.approx(whole.log_prob[0], rel=2e-6)
    assert 5 * 2 * reach(other.flow_.base) < 4096
    drawn = other.sample(1, 3, length=1500)
    assert drawn.shape == (1, 1500)
    z = other.encode(long.waves[0][:512])
    assert np.abs(other.decode(z[None], 512)[0].astype(int) - long.waves[0][:512]).max() <= 1


@pytest.mark.parametrize("model", ["plain", "spoken"])
def test_pieces_add_up_to_the_whole(model, request, monkeypatch):
    fitted_model = request.getfixturevalue(model)
    long = clips(20480, labels=None if model == "plain" else (1,))
    whole = fitted_model.score_clips(long)
    monkeypatch.setattr(_model, "PIECE", 4096)
    cut = fitted_model.score_clips(long)
    assert 4 * 2 * reach(fitted_model.flow_.base) < 20480  # so that there are several pieces
    assert whole.samples[0] == cut.samples[0] == 20480
    assert cut.log_prob[0] == pytest.approx(whole.log_prob[0], rel=2e-6)


def test_what_is_not_scored_is_said(plain):
    assert plain.score_clips(clips(1000)).samples.tolist() == [768]
    assert plain.score_clips(clips(13)).samples.tolist() == [8]
    with pytest.raises(ValueError, match="a clip of 7 samples is too short"):
        plain.score_clips(clips(7))


def test_samples_are_whole_numbers_of_any_length(plain):
    drawn = plain.sample(3, random_state=0, length=301)
    assert (drawn.shape, drawn.dtype) == ((3, 301), np.int16)
    np.testing.assert_array_equal(drawn, plain.sample(3, random_state=0, length=301))
    assert plain.sample(2, random_state=0).shape == (2, 256)
    spread = [plain.sample(20, random_state=0, temperature=t).std() for t in (0.5, 1.0)]
    assert spread[0] < 0.7 * spread[1]


@pytest.mark.parametrize("model", ["plain", "spoken", *OTHERS])
def test_a_long_sound_is_drawn_in_pieces_as_in_one(model, request, monkeypatch):
    known = model in ("plain", "spoken")
    drawing = request.getfixturevalue(model) if known else untrained(model)
    how = {"y": "low", "like": clips(9216).waves[0]} if model == "spoken" else {"y": None, "like": None}
    monkeypatch.setattr(_model, "PIECE", 1024)
    drawn = drawing.sample(2, 5, length=9216, **how).astype(int)
    flow, given = drawing.at(9216), drawing.condition(how["y"], how["like"], 9216, 1)
    for number in range(2):
        z = noise(flow, _model._seed(key_from(5)) + number, 0, 9216)
        whole = drawing._whole(np.asarray(decoded(flow, z[None], given)))[0]
        assert np.abs(drawn[number] - whole).max() <= 1
        assert np.mean(drawn[number] == whole) > 0.99
    assert reach(flow) < 1024  # so that the margins are not all of it
    assert not np.array_equal(drawn[0], drawn[1])


def test_conditions_reach_the_flow(spoken):
    wave = clips(512).waves[0]
    drawn = spoken.sample(1, 0, y="low", like=wave)
    assert drawn.shape == (1, 512)
    assert not np.array_equal(drawn, spoken.sample(1, 0, y="high", like=wave))
    assert not np.array_equal(drawn, spoken.sample(1, 0, y="low", like=wave[::-1].copy()))
    with pytest.raises(ValueError, match="conditional on a label"):
        spoken.sample(1, 0, like=wave)
    with pytest.raises(ValueError, match=r"conditional on a spectrogram.*\n.*--like clip.wav"):
        spoken.sample(1, 0, y="low")
    with pytest.raises(ValueError, match=r"no label 'lwo'.*\n.*low"):
        spoken.sample(1, 0, y="lwo", like=wave)


@pytest.mark.parametrize("piece", [2**16, 128])  # at once, and in pieces
def test_bands_of_draws_are_brought_to_the_clip(plain, spoken, monkeypatch, piece):
    monkeypatch.setattr(_model, "PIECE", piece)
    wave, facts = clips(1024).waves[0], spoken.facts_
    wanted = facts.mel(wave, full=facts.full)
    far, near = (spoken.sample(2, 0, y="low", like=wave, match=match) for match in (None, 20))
    assert near.dtype == np.int16
    off = [np.abs(facts.mel(drawn[1], full=facts.full) - wanted).mean() for drawn in (far, near)]
    assert off[1] < 0.3 * off[0]
    with pytest.raises(ValueError, match=r"no spectrogram to match.*\n.*`--mel`"):
        plain.sample(1, 0, match=10)
    with pytest.raises(ValueError, match=r"\n.*--like clip.wav"):
        spoken.sample(1, 0, y="low", match=10)
    with pytest.raises(ValueError, match="at least one round"):
        spoken.sample(1, 0, y="low", like=wave, match=0)


@pytest.mark.parametrize("model", ["plain", "spoken"])
def test_encode_and_decode(model, request):
    fitted_model = request.getfixturevalue(model)
    wave, label = clips(512).waves[0], None if model == "plain" else "low"
    z = fitted_model.encode(wave, label)
    back = fitted_model.decode(z[None], 512, label, wave)
    assert np.abs(back[0].astype(int) - wave).max() <= 1  # the middle of a whole number, to rounding


@pytest.mark.parametrize("model", ["plain", "spoken"])
def test_a_file_scores_and_draws_with_the_same_bits(model, request, tmp_path):
    fitted_model = request.getfixturevalue(model)
    fitted_model.save(tmp_path / "model.safetensors")
    loaded = pf.estimators.load_estimator(tmp_path / "model.safetensors")
    assert isinstance(loaded, pf.SoundDensity)
    assert loaded.facts_ == fitted_model.facts_
    data = clips(1000, labels=None if model == "plain" else (1,))
    np.testing.assert_array_equal(loaded.score_samples(data), fitted_model.score_samples(data))


def test_other_rates_and_bits_are_refused(plain):
    wave = clips(512).waves
    with pytest.raises(ValueError, match=r"8,000 samples a second, got clips of 16,000.*\n.*--rate 8000"):
        plain.score_clips(Clips(wave, 16000))
    with pytest.raises(ValueError, match=r"of 16 bits, got clips of 8"):
        plain.score_clips(Clips(wave, RATE, 8))


@pytest.mark.parametrize(("count", "temperature"), [(0, None), (-1, 0.8), (1, -1.0), (1, np.nan)])
def test_draws_that_cannot_be_are_refused(plain, count, temperature):
    with pytest.raises(ValueError, match=r"n_samples must be a whole number|temperature must be at least 0"):
        plain.sample(count, 0, temperature)
    with pytest.raises(ValueError, match="latent vectors must be finite, one or more"):
        plain.decode(np.full((1, 256), np.inf), 256)


def test_what_cannot_be_fitted():
    with pytest.raises(ValueError, match=r"needs labels"):
        pf.SoundDensity("waveglow", conditional=True, length=256).fit(clips(512))
    with pytest.raises(ValueError, match=r"multiple of 8.*\n.*--length 96"):
        pf.SoundDensity("waveglow", length=100).fit(clips(512))
    with pytest.raises(ValueError, match=r"'glow' is not a flow of sound.*\n.*waveglow"):
        pf.SoundDensity("glow", length=256).fit(clips(512))
    with pytest.raises(ValueError, match=r"flow='waveglow' has no option 'widht'.*\n.*width"):
        pf.SoundDensity("waveglow", options={"widht": 3}, length=256).fit(clips(512))
    with pytest.raises(ValueError, match=r"no setting 'hpo'.*\n.*hop"):
        pf.SoundDensity("waveglow", mel={"hpo": 3}, length=256).fit(clips(512))
    with pytest.raises(ValueError, match=r"shorter than a segment.*\n.*--pad"):
        pf.SoundDensity("waveglow", options=SMALL, length=1024).fit(clips(2048, 512))


def options_of(flow="waveglow", **settings):
    return dict(facts_of(Sounds(clips(1024), None), SoundSettings(flow, **settings)).options)


def test_sound_without_spectrograms_goes_in_large_groups():
    assert options_of() == options_of(length=512) == LARGE_GROUPS
    assert options_of(options={"width": 8}) == LARGE_GROUPS | {"width": 8}
    assert facts_of(Sounds(clips(1024), None), SoundSettings()).length % 64 == 0
    # Other options of the layout, spectrograms, and lengths that groups do not fill have the recipe's own values.
    assert options_of(options={"group_size": 8}) == {"group_size": 8}
    assert (
        options_of(mel={"frame": 64, "hop": 32, "bands": 4}) == options_of("wavenet") == options_of(length=1000) == {}
    )


def test_what_was_chosen_is_said():
    said = plan(Sounds(clips(1024), None), SoundSettings(options={"width": 8}, length=512))
    assert "with num_flows=16, group_size=64, early_size=12, depth=4: `--set group_size=8` has groups of 8" in said
    settings = SoundSettings(options={"group_size": 8}, length=512)
    assert "group_size" not in plan(Sounds(clips(1024), None), settings)
