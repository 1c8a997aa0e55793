import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward.data import Column, Schema
from pushforward.data._units import Units
from pushforward.distributions import _base, _layout
from pushforward.modalities.table import _chunks
from pushforward.modalities.table._chunks import TableFlow, iter_draws, iter_log_prob, log_prob
from pushforward.modalities.table._noise import shifts


@pytest.fixture(scope="module")
def model() -> TableFlow:
    flow = pf.distributions.Transformed(
        pf.distributions.Normal.standard((2,)), pf.bijections.Standardize(np.array([1.0, 2.0]), np.array([3.0, 0.5]))
    )
    return TableFlow(flow, Schema([Column("a", "unbounded"), Column("b", "unbounded")]))


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CELLS", 2 * 256)


def test_chunks_are_few_sizes_and_shrink_with_width(model):
    sizes = {model.chunk_rows(rows) for rows in range(1, 50_000, 7)}
    assert sizes == {2**i for i in range(8, 15)}
    wide = TableFlow(model.flow, Schema([Column(f"x{i}", "unbounded") for i in range(200)]))
    assert wide.chunk_rows(10**7) == 256


def test_chunks_do_not_change_the_scores(model, short_chunks, key):
    x = np.random.default_rng(0).normal(size=(1000, 2))
    assert model.chunk_rows(1000) == 256
    np.testing.assert_allclose(log_prob(model, x), model.flow.log_prob(x), rtol=1e-6)


def test_a_stream_scores_like_the_whole(model, short_chunks):
    x = np.random.default_rng(0).normal(size=(700, 2))
    batches = [(x[:300], None), (x[300:301], None), (x[301:], None)]
    streamed = list(iter_log_prob(model, batches))
    assert [len(scores) for scores in streamed] == [300, 1, 399]
    np.testing.assert_array_equal(np.concatenate(streamed), log_prob(model, x))


def test_a_stream_is_read_as_it_is_scored(model):
    read = []

    def batches():
        for i in range(3):
            read.append(i)
            yield np.zeros((2, 2)), None

    next(iter_log_prob(model, batches()))
    assert read == [0]


def test_draws_come_in_chunks_and_differ(model, short_chunks, key):
    chunks = list(iter_draws(model, 600, key, None))
    assert [len(chunk) for chunk in chunks] == [256, 256, 88]
    assert len(np.unique(np.concatenate(chunks), axis=0)) == 600


@pytest.fixture
def drawn_at_once(monkeypatch) -> list[int]:
    """How many draws each call of a sampler makes, of which blocks are short."""
    sizes, draw, draw_scored = [], _base._sample, _base._sample_and_log_prob
    monkeypatch.setattr(_layout, "MOST_ROWS", 16)
    monkeypatch.setattr(_layout, "DRAWN_BLOCKS", 2)
    monkeypatch.setattr(_base, "_sample", lambda *given, **more: sizes.append(given[2]) or draw(*given, **more))
    monkeypatch.setattr(_base, "_sample_and_log_prob", lambda *given: sizes.append(given[2]) or draw_scored(*given))
    return sizes


def test_many_draws_are_made_in_several_calls_and_differ(model, drawn_at_once, key):
    assert len(np.unique(model.flow.sample(key, 100), axis=0)) == 100
    assert model.flow.sample(key, (10, 10)).shape == (10, 10, 2)
    assert max(drawn_at_once) <= 32


def test_many_draws_keep_their_conditions_and_log_probs(drawn_at_once, key):
    flow = perturb(pf.flows.affine(2, cond_dim=1, width=4, key=key), 1.0)
    given = np.array([[-3.0], [0.0], [3.0]])
    x, scores = flow.sample_and_log_prob(key, 30, given)
    assert x.shape == (30, 3, 2)
    assert len(np.unique(x.reshape(90, 2), axis=0)) == 90
    assert max(drawn_at_once) <= 32
    assert flow.sample(key, 30, given).shape == (30, 3, 2)
    np.testing.assert_allclose(flow.log_prob(x, given), scores, atol=1e-4)
    assert abs(flow.log_prob(x, given[::-1]) - scores).max() > 0.1


def test_each_condition_gets_its_draws(short_chunks, key):
    flow = pf.flows.affine(1, cond_dim=1, width=4, key=key)
    shifted = pf.distributions.Transformed(flow, pf.bijections.Standardize(np.zeros(1), np.ones(1)))
    model = TableFlow(shifted, Schema([Column("a", "unbounded")]))
    given = np.array([[0.0], [1.0], [2.0]])
    assert sum(len(chunk) for chunk in iter_draws(model, 200, key, None, given)) == 600


def test_noise_is_a_function_of_the_row():
    x = np.random.default_rng(0).poisson(3, (50, 3)).astype(float)
    turned = np.stack(list(shifts(x[::-1], [0, 2])))
    np.testing.assert_array_equal(np.stack(list(shifts(x, [0, 2])))[:, ::-1], turned)
    np.testing.assert_array_equal(np.stack(list(shifts(x.astype(np.float32), [0, 2])))[:, ::-1], turned)


def test_noise_is_uniform_and_spread_evenly_over_the_draws():
    x = np.random.default_rng(0).normal(size=(4000, 2))
    noise = np.stack(list(shifts(x, [0, 1])))
    assert noise.min() >= -0.5
    assert noise.max() < 0.5
    counts = np.histogram(noise[0, :, 0], bins=10, range=(-0.5, 0.5))[0]
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared with 9 degrees of freedom, p = 0.001
    np.testing.assert_allclose(np.diff(np.sort(noise, axis=0), axis=0), 1 / 16, atol=1e-12)
    # Four standard errors of the correlation of 4000 independent pairs.
    assert abs(np.corrcoef(noise[3].T)[0, 1]) < 4 / np.sqrt(4000)


def test_averaged_draws_come_near_the_probability(key):
    """A rounded normal: the probability of an integer is a difference of two normal distribution functions."""
    schema = Schema([Column("n", "integer")])
    units = Units(schema.supports, means=(0.3,), spreads=(2.0,), edges=(0.0,))
    model = TableFlow(pf.distributions.Normal.standard((1,)), schema, units)
    n = np.arange(-4.0, 5.0)[:, None]
    u = (np.arange(10_000) + 0.5) / 10_000
    exact = np.log(np.exp(-0.5 * ((n + u - 0.3) / 2) ** 2).mean(axis=1) / (2 * np.sqrt(2 * np.pi)))
    np.testing.assert_allclose(log_prob(model, n), exact, atol=0.02)


def test_values_stay_inside_where_the_type_ends():
    schema = Schema([Column("a", "bounded", 0.0, 0.1), Column("b", "positive"), Column("n", "integer", 0.0, 5.0)])
    units = Units(schema.supports, means=(0.0,) * 3, spreads=(1.0,) * 3, edges=(0.0,) * 3)
    ends = units.original(np.array([[-1e4], [1e4], [0.0]], np.float32) * np.ones(3, np.float32))
    assert not schema.outside(ends).any()
    np.testing.assert_allclose(ends[2], [0.05, 1.0, 3.0])
    assert (np.diff(ends[:2], axis=0) > 0).all()
    written = schema.clip(ends.astype(np.float32))
    assert not schema.outside(written).any()
