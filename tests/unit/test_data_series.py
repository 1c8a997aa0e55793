"""Series from tables: steps that are found, and all that is refused by row."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data.series._grid import Grid
from pushforward.data.series._read import read_series, rows_in_memory, series_of
from pushforward.data.series._series import Clock, Item, SeriesData, filled, refuse_constant
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._prepare import build
from pushforward.modalities.series._score import step_scores
from pushforward.modalities.series._settings import SeriesSettings


def table(tmp_path, lines, head="date,a,b"):
    path = tmp_path / "data.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def rows(times):
    return [f"{time},{i},{i * i % 7}" for i, time in enumerate(times)]


def days(start, count, step=1, unit="D"):
    return [str(np.datetime64(start, unit) + np.timedelta64(step * i, unit)) for i in range(count)]


@pytest.mark.parametrize(
    ("times", "name", "season", "after"),
    [
        (days("2024-02-25", 10), "day", 7, "2024-03-06"),
        ([str(d) for d in np.busday_offset("2024-02-26", np.arange(12))], "business day", 5, "2024-03-13"),
        ([f"{m}-01" for m in days("2023-11", 8, unit="M")], "month", 12, "2024-07-01"),
        (["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"], "month", 12, "2024-04-30"),
        ([f"{m}-15" for m in days("2023-01", 8, 3, unit="M")], "3 months", 4, "2025-01-15"),
        ([f"{m}-28" for m in days("2013-01", 122, unit="M")], "month", 12, "2023-03-28"),
        (["2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"], "month", 12, "2024-05-30"),
        (["2024-03-30", "2024-06-30", "2024-09-30"], "3 months", 4, "2024-12-30"),
        (["2021-02-28", "2022-02-28", "2023-02-28"], "12 months", 1, "2024-02-29"),
        (days("2024-01-01", 6, 7), "week", 1, "2024-02-12"),
        (days("2024-01-01T22:00", 6, 60, "m"), "hour", 24, "2024-01-02T04:00"),
        (days("2024-01-01T22:00", 6, 15, "m"), "15 minutes", 96, "2024-01-01T23:30"),
    ],
)
def test_the_step_is_found_and_goes_on(tmp_path, times, name, season, after):
    data = read_series(table(tmp_path, rows(times)), time="date")
    grid, last = data.grid, data.items[0].times[-1]
    assert (grid.name, grid.season) == (name, season)
    assert np.datetime64(int(grid.after(last, 1)[0]), "s") == np.datetime64(after)
    assert data.names == ("a", "b")
    places = grid.places(np.concatenate([data.items[0].times, grid.after(last, 3)]))
    np.testing.assert_allclose(np.diff(places), 1.0)


def test_whole_numbers_count_steps(tmp_path):
    data = read_series(table(tmp_path, rows(range(10, 30, 2))), time="date")
    assert data.grid == Grid("number", 2.0)
    assert data.grid.after(28.0, 2).tolist() == [30.0, 32.0]


GOOD = days("2024-01-01", 8)


@pytest.mark.parametrize(
    ("times", "said", "hint"),
    [
        (
            [*GOOD[:4], *GOOD[6:]],
            "a gap of 2 steps of a day between row 4, 2024-01-04, and row 5, 2024-01-07",
            "--fill-gaps",
        ),
        ([*GOOD[:4], *GOOD[3:]], "two rows for one time: rows 4 and 5 are both of 2024-01-04", "--item"),
        (
            [*GOOD[:3], GOOD[4], GOOD[3], *GOOD[5:]],
            "not sorted: row 5, 2024-01-04, comes behind row 4, 2024-01-05",
            "sort",
        ),
        (
            [*(f"{d}T12:00Z" for d in GOOD[:4]), *(f"{d}T12:00+02:00" for d in GOOD[4:])],
            "mixes time zones",
            "one zone",
        ),
        ([f"{d}T00:00:00" for d in GOOD[:6]] + ["2024-01-07T05:00:00"], "not a whole number of steps", "regular times"),
        (GOOD[:2], "2 times are too few to tell a step", "more rows"),
        (["x", "y", "z"], "holds no dates and no whole numbers", "2024-03-31"),
    ],
)
def test_times_that_are_not_regular_are_named_by_row(tmp_path, times, said, hint):
    with pytest.raises(DataError, match=said) as error:
        read_series(table(tmp_path, rows(times)), time="date")
    assert hint in error.value.hint


def test_gaps_are_filled_with_missing_steps(tmp_path):
    data = read_series(table(tmp_path, rows([*GOOD[:4], *GOOD[6:]])), time="date", fill_gaps=True)
    (item,) = data.items
    assert len(item) == 8
    assert item.rows.tolist() == [1, 2, 3, 4, 0, 0, 5, 6]
    assert np.isnan(item.values[4:6]).all()
    assert item.values[6].tolist() == [4.0, 2.0]


def test_months_that_are_put_in_keep_the_day_of_the_others(tmp_path):
    months = [f"{m}-28" for m in days("2022-02", 14, unit="M")]
    data = read_series(table(tmp_path, rows([*months[:5], *months[6:]])), time="date", fill_gaps=True)
    found = data.items[0].times.astype("datetime64[s]").astype("datetime64[D]").astype(str)
    assert found.tolist() == months
    assert Grid(**data.grid.to_json()) == data.grid


def test_a_step_of_months_as_an_earlier_file_has_it_is_seen_from_one_time():
    time = np.datetime64("2023-02-28", "s").astype(np.int64).astype(float)
    after = Grid("month").after(time, 2).astype("datetime64[s]").astype("datetime64[D]").astype(str)
    assert after.tolist() == ["2023-03-31", "2023-04-30"]


def test_items_on_other_days_of_the_month_each_keep_theirs(tmp_path):
    lines = [f"{m}-{d},{s},1" for s, d in (("a", "01"), ("b", "28")) for m in days("2023-01", 6, unit="M")]
    data = read_series(table(tmp_path, lines, "date,store,sales"), time="date", item="store")
    ends = [data.grid.after(float(item.times[-1]), 1).astype("datetime64[s]").astype(str)[0] for item in data.items]
    assert ends == ["2023-07-01T00:00:00", "2023-07-28T00:00:00"]


@pytest.mark.parametrize(("freq", "step"), [("D", "day"), ("B", "business day"), ("MS", "month")])
def test_midnights_of_a_zone_are_its_days(freq, step):
    pd = pytest.importorskip("pandas")
    times = pd.date_range("2024-01-01", periods=100, freq=freq, tz="Europe/Berlin")
    data = series_of(rows_in_memory(pd.DataFrame({"t": times, "y": np.arange(100.0)})), time="t")
    assert data.grid.name == step
    first, second = data.items[0].times[:2].astype("datetime64[s]").astype(str)
    assert first == "2024-01-01T00:00:00"
    assert second == str(times[1])[:19].replace(" ", "T")
    # The same moments in another zone, read for a model that counts the days of Berlin.
    elsewhere = rows_in_memory(pd.DataFrame({"t": times.tz_convert("UTC"), "y": np.arange(100.0)}))
    again = series_of(elsewhere, time="t", clock=Clock(data.grid, data.moment))
    np.testing.assert_array_equal(again.items[0].times, data.items[0].times)
    naive = rows_in_memory(pd.DataFrame({"t": times.tz_localize(None), "y": np.arange(100.0)}))
    with pytest.raises(DataError, match="'t' has no time zone, but the model was fitted to the zone Europe/Berlin"):
        series_of(naive, time="t", clock=Clock(data.grid, data.moment))


@pytest.mark.parametrize("ids", [(1234567, 1234568), (2**52 + 1, 2**52 + 2), (0.5, 1.25)])
def test_items_that_are_numbers_are_told_apart(tmp_path, ids):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"t": np.tile(np.arange(5), 2), "store": np.repeat(ids, 5), "y": np.arange(10.0)})
    frame.to_csv(tmp_path / "d.csv", index=False)
    typed = series_of(rows_in_memory(frame, text=("store",)), time="t", item="store")
    text = read_series(tmp_path / "d.csv", time="t", item="store")
    assert [item.name for item in typed.items] == [item.name for item in text.items] == [str(one) for one in ids]


def test_an_infinite_cell_is_no_missing_one(tmp_path):
    lines = rows(GOOD)
    lines[2] = f"{GOOD[2]},inf,5"
    with pytest.raises(DataError, match="row 3 has an infinite value in column 'a'"):
        read_series(table(tmp_path, lines), time="date")


@pytest.mark.parametrize("day", ["2024-01-13", "2024-01-14"])
def test_a_weekend_among_the_business_days_of_a_model_is_named(tmp_path, day):
    times = [str(d) for d in np.busday_offset("2024-01-01", np.arange(12))]
    data = read_series(table(tmp_path, rows(times)), time="date")
    more = table(tmp_path, rows([*times[:10], day, *times[10:]]))
    with pytest.raises(DataError, match=f"row 11, {day}, is not a whole number of steps behind the first"):
        read_series(more, time="date", clock=Clock(data.grid, data.moment))


def test_empty_cells_are_missing(tmp_path):
    lines = rows(GOOD)
    lines[2] = f"{GOOD[2]},,5"
    values = read_series(table(tmp_path, lines), time="date").items[0].values
    assert np.argwhere(np.isnan(values)).tolist() == [[2, 0]]


def test_items_are_told_apart(tmp_path):
    lines = [f"{d},{s},{i}" for s in ("north", "south") for i, d in enumerate(GOOD[: 6 if s == "north" else 8])]
    data = read_series(table(tmp_path, lines, "date,store,sales"), time="date", item="store")
    assert [(item.name, len(item)) for item in data.items] == [("north", 6), ("south", 8)]
    with pytest.raises(DataError, match=r"not sorted|two rows for one time") as error:
        read_series(table(tmp_path, lines, "date,store,sales"), time="date", drop=["store"])
    assert "--item" in error.value.hint


def test_what_is_no_series_is_refused_by_name(tmp_path):
    lines = [f"{d},{i},red" for i, d in enumerate(GOOD)]
    with pytest.raises(DataError, match="'b' holds text"):
        read_series(table(tmp_path, lines), time="date")
    with pytest.raises(DataError, match="there is no column 'dat' of times") as error:
        read_series(table(tmp_path, rows(GOOD)), time="dat")
    assert "date" in error.value.hint
    with pytest.raises(DataError, match="series 'b' does not change") as error:
        refuse_constant(read_series(table(tmp_path, [f"{d},{i},3" for i, d in enumerate(GOOD)]), time="date"))
    assert "--drop b" in error.value.hint


def test_what_is_missing_stands_for_the_last_value():
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, np.nan], [3.0, 4.0]])
    found, missing = filled(values)
    assert found.tolist() == [[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [3.0, 4.0]]
    # Nothing came before the first 2, which stands in the place of what is missing before it: it counts as missing too.
    assert missing.tolist() == [[True, False], [True, True], [True, True], [False, False]]


def test_the_first_value_of_a_series_that_begins_late_is_not_forecast_from_itself():
    steps = 40
    values = np.cumsum(np.random.default_rng(0).normal(size=(steps, 2)), axis=0)
    values[:11, 1] = np.nan
    item = Item("", np.arange(float(steps)), values, np.zeros((steps, 0)), np.arange(1, steps + 1))
    facts = SeriesFacts.of(SeriesData(("a", "b"), (item,), Grid("number", 1.0), "t", None), calendar=False)
    flow = pf.flows.tempflow(2, horizon=4, context=4, scaling="steps", width=8, encoder_width=8, key=jax.random.key(0))
    scores = step_scores(flow, facts, item)
    assert np.flatnonzero(np.isnan(scores)).tolist() == list(range(12))
    assert np.isfinite(scores[12:]).all()


def test_the_calendar_goes_round():
    grid = Grid("seconds", 3600.0)
    hours = np.arange(0, 24 * 7 * 2) * 3600.0
    calendar = grid.calendar(hours)
    assert calendar.shape == (336, 6)
    np.testing.assert_allclose(calendar[:24, :2], calendar[24:48, :2], atol=1e-9)
    np.testing.assert_allclose(calendar[:168, 2:4], calendar[168:, 2:4], atol=1e-9)
    assert Grid("month").calendar(hours).shape == (336, 2)
    np.testing.assert_array_equal(grid.calendar(hours, 1), calendar[:, :2])


@pytest.mark.parametrize(
    ("grid", "days", "turns"),
    [
        (Grid("seconds", 3600.0), 1.9, 0),
        (Grid("seconds", 3600.0), 13.9, 1),
        (Grid("seconds", 3600.0), 30.0, 2),
        (Grid("seconds", 3600.0), 729.0, 2),
        (Grid("seconds", 3600.0), 731.0, 3),
        (Grid("business day"), 14.0, 1),
        (Grid("business day"), 800.0, 2),
        (Grid("month"), 400.0, 0),
        (Grid("month"), 800.0, 1),
        (Grid("number"), 9999.0, 0),
    ],
)
def test_what_a_history_goes_through_once_is_no_turn(grid, days, turns):
    """A season that is seen once names every window that was learned, and a part of one says nothing of the rest."""
    assert grid.turns_within(days * 86_400.0) == turns


@pytest.mark.parametrize(
    ("grid", "steps", "horizon", "context"),
    [
        (Grid("seconds", 3600.0), 2000, 24, 168),
        (Grid("seconds", 3600.0), 400, 24, 100),
        (Grid("seconds", 3600.0), 2000, 200, 200),
        (Grid("business day"), 2000, 30, 35),
        (Grid("number"), 2000, 6, 6),
    ],
)
def test_seven_seasons_are_read_before_a_forecast(grid, steps, horizon, context):
    times = grid.after(0.0, steps)
    item = Item("", times, np.random.default_rng(0).normal(size=(steps, 1)), np.zeros((steps, 0)), np.arange(steps))
    data = SeriesData(("a",), (item,), grid, "t", None)
    small = {"width": 4, "encoder_width": 4, "encoder_depth": 1, "num_layers": 1, "depth": 1}
    assert build(data, SeriesSettings(options=small, horizon=horizon), jax.random.key(0)).context == context


def test_a_fit_is_told_the_turns_of_its_history_alone_and_older_files_all():
    times = np.arange(24.0 * 20) * 3600
    item = Item("", times, np.zeros((480, 1)), np.zeros((480, 0)), np.arange(1, 481))
    facts = SeriesFacts.of(SeriesData(("a",), (item,), Grid("seconds", 3600.0), "t", None), calendar=True)
    assert (facts.turns, facts.size, facts.covariates(item).shape) == (2, 4, (480, 4))
    again = SeriesFacts.from_json(facts.to_json())
    np.testing.assert_array_equal(again.covariates(item), facts.covariates(item))
    older = facts.to_json()
    del older["turns"]
    assert SeriesFacts.from_json(older).covariates(item).shape == (480, 6)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (Grid("seconds", 3600.0), "an hour"),
        (Grid("seconds", 900.0), "15 minutes"),
        (Grid("business day"), "a business day"),
        (Grid("month", 3.0), "3 months"),
        (Grid("number", 1.0), "1"),
    ],
)
def test_a_step_is_told_as_people_say_it(grid, said):
    assert grid.length == said


def test_more_steps_than_there_are_cannot_be_read():
    steps = 40
    values = np.random.default_rng(0).normal(size=(steps, 1))
    item = Item("", np.arange(float(steps)), values, np.zeros((steps, 0)), np.arange(steps))
    data = SeriesData(("a",), (item,), Grid("number"), "t", None)
    with pytest.raises(DataError, match="60 steps that are read, but a history of 40"):
        build(data, SeriesSettings(horizon=4, context=60), jax.random.key(0))
