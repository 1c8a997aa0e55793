"""Columns of dates, times and durations: how they are read, what they count, how they are written."""

import datetime
import json

import numpy as np
import pytest

from pushforward._errors import DataError
from pushforward.data import Schema, TextOptions, as_table, encode, infer_schema, read_table, write_table
from pushforward.data.moments._forms import texts_of

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")
UTC = datetime.UTC
DAYS = [datetime.date(2024, 2, 28), datetime.date(2024, 3, 1), datetime.date(1969, 12, 31)]
NOON = datetime.datetime(2024, 3, 31, 12)
ARROW = {
    "date32": pa.array(DAYS),
    "date64": pa.array(DAYS, pa.date64()),
    "days": pa.array([datetime.datetime(2024, 3, day) for day in (1, 2, 9)], pa.timestamp("ns")),
    "seconds": pa.array([NOON + datetime.timedelta(seconds=i) for i in (0, 7, 61)], pa.timestamp("s")),
    "milliseconds": pa.array([1_700_000_000_123, 1_700_000_000_124, 7], pa.timestamp("ms")),
    "microseconds": pa.array([1_700_000_000_123_456, 1_700_000_000_123_457, 7], pa.timestamp("us", "UTC")),
    # The clock is put forward on 31 March 2024.
    "local days": pa.array([1_711_753_200, 1_711_839_600, 1_711_922_400], pa.timestamp("s", "Europe/Paris")),
    "zone": pa.array(
        [1_711_846_800 * 10**6, 1_711_850_400 * 10**6, 1_711_854_000 * 10**6], pa.timestamp("us", "America/New_York")
    ),
    "time32": pa.array([0, 86_399, 60], pa.time32("s")),
    "time64": pa.array([1, 86_399_999_999_999, 60], pa.time64("ns")),
    "duration": pa.array([-90, 3_600, 7], pa.duration("s")),
    "nanoseconds": pa.array([-90, 3_600, 7], pa.duration("ns")),
}


def _through(table):
    """A table of a schema that was saved, coded and written again."""
    schema, _ = infer_schema(table)
    schema = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    return pa.table(schema.table(encode(table, schema).values))


@pytest.mark.parametrize("name", ARROW)
def test_every_type_of_arrow_comes_back_bit_equal(name):
    given = pa.table({"when": ARROW[name]})
    back = _through(as_table(given))
    assert back.schema.field("when").type == given.schema.field("when").type
    whole = pa.int64() if ARROW[name].type.bit_width == 64 else pa.int32()
    assert back["when"].cast(whole).to_pylist() == given["when"].cast(whole).to_pylist()


@pytest.mark.parametrize(
    ("name", "unit", "numbers"),
    [
        ("date32", "day", [19_781, 19_783, -1]),
        ("days", "day", [19_783, 19_784, 19_791]),
        ("seconds", "second", [1_711_886_400, 1_711_886_407, 1_711_886_461]),
        ("local days", "day", [19_812, 19_813, 19_814]),
        ("zone", "hour", [475_513, 475_514, 475_515]),
        ("time32", "second", [0, 86_399, 60]),
        ("duration", "second", [-90, 3_600, 7]),
    ],
)
def test_values_count_the_coarsest_unit_that_all_have(name, unit, numbers):
    table = as_table(pa.table({"when": ARROW[name]}))
    assert table.moments["when"].unit_name == unit
    np.testing.assert_array_equal(table.column("when"), numbers)


TEXTS = {
    "iso": ["2024-02-29", "2023-12-31", "1969-07-20"],
    "day first": ["31/12/2023", "29/02/2024", "1/2/2024"],
    "month first": ["12/31/2023", "02/29/2024", "01/02/2024"],
    "dots": ["31.12.2023", "29.02.2024", "01.02.2024"],
    "short name": ["31 Dec 2023", "29 Feb 2024", "01 May 2024"],
    "long name": ["December 31, 2023", "February 29, 2024", "May 01, 2024"],
    "with minutes": ["2024-02-29 23:59", "2024-03-01 00:00", "2024-03-01 07:30"],
    "with T and Z": ["2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z", "2024-03-01T07:30:12Z"],
    "with an offset": ["2024-02-29 23:59:59+05:30", "2024-03-01 00:00:00+05:30", "2024-03-01 07:30:12+05:30"],
    "milliseconds": ["2024-02-29 23:59:59.125", "2024-03-01 00:00:00.000", "2024-03-01 07:30:12.999"],
    "half days": ["12/31/2023 12:05 AM", "02/29/2024 12:05 PM", "01/02/2024 11:59 PM"],
    "time": ["00:00", "23:59", "12:30"],
    "time with seconds": ["0:00:01", "23:59:59", "12:30:00"],
    "hours": ["00:00:01", "25:00:00", "120:30:00"],
    "durations": ["0 days 00:00:01", "-1 days +23:59:59", "12 days 01:30:00"],
}
SHORT = {"day first": ["31/12/2023", "29/2/2024", "1/2/2024"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "frame", "parquet"])
@pytest.mark.parametrize("name", TEXTS)
def test_text_comes_back_as_it_was(tmp_path, name, kind):
    texts = SHORT.get(name, TEXTS[name])
    frame = pa.table({"when": texts, "x": [0.5, 1.5, 2.5]})
    if kind == "frame":
        table = as_table(frame)
    elif kind == "parquet":
        pytest.importorskip("pyarrow.parquet").write_table(frame, tmp_path / "t.parquet")
        table = read_table(tmp_path / "t.parquet")
    else:
        rows = zip(texts, (0.5, 1.5, 2.5), strict=True)
        lines = (
            ["when;x", *(f"{text};{x}" for text, x in rows)]
            if kind == "csv"
            else [json.dumps({"when": text, "x": x}) for text, x in rows]
        )
        (tmp_path / f"t.{kind}").write_text("\n".join(lines) + "\n")
        table = read_table(tmp_path / f"t.{kind}")
    schema, _ = infer_schema(table)
    coded = schema.table(encode(table, schema).values)
    write_table(tmp_path / "back.csv", coded)
    back = (tmp_path / "back.csv").read_text().replace('"', "").split("\n")[1:4]
    assert [line[: line.rindex(",")] for line in back] == texts
    kinds = {"csv": table.moments["when"].what, "jsonl": table.moments["when"].what}
    written = pa.table(coded).schema.field("when").type
    assert str(written).startswith(
        {"date": "date32", "datetime": "timestamp", "time": "time64", "duration": "duration"}.get(
            kinds.get(kind, ""), "string"
        )
    )


def _csv(tmp_path, cells, **options):
    (tmp_path / "t.csv").write_text("when,x\n" + "".join(f'"{cell}",{i}\n' for i, cell in enumerate(cells)))
    return read_table(tmp_path / "t.csv", **options)


@pytest.mark.parametrize(
    ("cells", "message", "hint"),
    [
        (["03/04/2024", "05/06/2024"], "'03/04/2024' in row 1 may begin with the day or with the month", "--dates day"),
        (
            ["13/04/2024", "04/13/2024"],
            "day comes first in '13/04/2024' in row 1, and the month in '04/13/2024' in row 2",
            "one form",
        ),
        (["2024-01-30", "2024-02-30"], "'2024-02-30' in row 2, a date that does not exist", "correct it"),
        (["2023-02-29", "2023-03-01"], "'2023-02-29' in row 1, a date that does not exist", "correct it"),
        (["2024-01-30", "30/01/2024"], "mixes forms: '2024-01-30' in row 1 and '30/01/2024' in row 2", "one form"),
        (["2024-01-30", "2024-01-31 10:00"], "mixes forms: '2024-01-30' in row 1", "one form"),
        (["2024-01-30T00:00Z", "2024-01-31T00:00+01:00"], "mixes time zones: Z .* and \\+01:00", "in one zone"),
        (["2024-01-30 10:00", "2024-01-31 10:00Z"], "mixes", "one"),
        (
            ["2016-12-31 23:59:60", "2016-12-31 23:59:59"],
            "'2016-12-31 23:59:60' in row 1, which is a leap second",
            "second before",
        ),
        (["2024-01-30 24:30", "2024-01-30 23:30"], "'2024-01-30 24:30' in row 1, which is no time of day", "0 to 23"),
        (["2024-01-30", "2024-01-31", "soon"], "holds dates, but 'soon' in row 3 is none", "--drop when"),
        (["31/01/24", "30/01/24"], "'31/01/24' in row 1, which has a year of two digits", "four digits"),
        (["2024-01-30", "", "2024-01-31"], "row 2", "--drop-missing"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(tmp_path, cells, message, hint):
    with pytest.raises(DataError, match=message) as caught:
        _csv(tmp_path, cells)
    assert "when" in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(("order", "day"), [("day-first", 19_816), ("month-first", 19_786)])
def test_the_order_of_day_and_month_can_be_said(tmp_path, order, day):
    table = _csv(tmp_path, ["03/04/2024", "05/06/2024"], form=TextOptions(dates=order))
    assert table.column("when")[0] == day  # 3 April, or 4 March
    assert f"read {order}, as asked for" in table.notes[0]


def test_a_row_that_settles_the_order_is_told(tmp_path):
    table = _csv(tmp_path, ["03/04/2024", "13/06/2024"])
    assert table.column("when")[0] == 19_816
    assert table.notes == ("column 'when' is read day-first, as '13/06/2024' in row 2 shows.",)


def test_the_row_of_the_text_is_that_after_a_repetition(tmp_path):
    with pytest.raises(DataError, match="'2024-02-30' in row 4"):
        _csv(tmp_path, ["2024-02-01", "2024-02-01", "2024-02-02", "2024-02-30"])


def _angles(cells, turn, kind=None):
    table = as_table(pa.table({"when": pa.array(cells, kind)}))
    schema, sentences = infer_schema(table, {"when": f"circular({turn})"})
    return schema, encode(table, schema).values[:, 0], sentences


def test_new_year_closes_the_circle_in_leap_years_too():
    cells = [datetime.date(y, m, d) for y in (2023, 2024) for m, d in ((1, 1), (7, 2), (12, 31))]
    schema, angles, sentences = _angles(cells, "year")
    year = 365.2425
    np.testing.assert_allclose(angles[[0, 3]], 0.0)
    np.testing.assert_allclose(year - angles[[2, 5]], [year / 365, year / 366], rtol=1e-12)
    assert abs(angles[1] - angles[4]) < 0.6
    assert "last year of the data" in sentences[0]
    back = pa.table(schema.table(angles[:, None]))["when"].to_pylist()
    assert [day.year for day in back] == [2024] * 6
    assert [day.isoformat()[5:] for day in back][3:] == ["01-01", "07-02", "12-31"]


@pytest.mark.parametrize("angle", [-1e-9, 365.2425 - 1e-9])
def test_an_angle_at_the_end_of_the_year_is_written_as_its_beginning(angle):
    schema, _, _ = _angles([datetime.date(2024, 1, 1), datetime.date(2024, 5, 5)], "year")
    back = pa.table(schema.table(np.array([[angle]])))["when"].to_pylist()
    assert back == [datetime.date(2024, 1, 1)]


def test_angles_of_the_day_are_hours_on_the_clock_of_the_zone():
    noon = [datetime.datetime(2024, 1, 1, 11, tzinfo=UTC), datetime.datetime(2024, 7, 1, 10, tzinfo=UTC)]
    _, angles, _ = _angles(
        [*noon, datetime.datetime(2024, 7, 1, 9, 30, tzinfo=UTC)], "day", pa.timestamp("us", "Europe/Paris")
    )
    np.testing.assert_allclose(angles, [12.0, 12.0, 11.5])


def test_angles_of_the_week_begin_on_monday():
    schema, angles, _ = _angles(
        [datetime.date(2024, 4, 1), datetime.date(1969, 12, 28), datetime.date(2024, 4, 10)], "week"
    )
    np.testing.assert_array_equal(angles, [0, 6, 2])  # Monday, Sunday, Wednesday
    back = pa.table(schema.table(angles[:, None]))["when"].to_pylist()
    assert [day.weekday() for day in back] == [0, 6, 2]


def test_a_midnight_that_a_zone_skips_is_moved_with_a_warning():
    # On 1 October 2017 the clocks of Asuncion went from 23:59:59 to 01:00.
    days = pa.array([1_506_657_600, 1_506_744_000, 1_506_913_200], pa.timestamp("s", "America/Asuncion"))
    table = as_table(pa.table({"when": days}))
    schema, _ = infer_schema(table)
    assert schema.moments["when"].local
    with pytest.warns(UserWarning, match="column 'when': 2017-10-01 00:00:00 in row 1 does not exist on the clock of"):
        back = pa.table(schema.table(np.array([[table.values[1, 0] + 1]])))
    assert back["when"].cast(pa.int64()).to_pylist() == [1_506_830_400]


@pytest.mark.parametrize(
    ("zone", "first", "skips"), [("Asia/Beirut", "2024-03-25", 6), ("America/Sao_Paulo", "2017-10-10", 5)]
)
def test_the_first_hour_of_a_day_without_a_midnight_is_that_day(zone, first, skips):
    days = (np.datetime64(first) + np.arange(10)).astype("datetime64[us]")
    local = pc.assume_timezone(pa.array(days), zone, nonexistent="latest")
    table = as_table(pa.table({"when": local}))
    schema, _ = infer_schema(table)
    assert schema.moments["when"].local
    np.testing.assert_array_equal(np.diff(table.values[:, 0]), 1.0)
    with pytest.warns(UserWarning, match=f"in row {skips + 1} does not exist on the clock of {zone}"):
        back = pa.table(schema.table(table.values))
    assert back["when"].combine_chunks() == local.cast(back["when"].type)
    again = encode(as_table(back), schema).values
    assert not schema.outside(again).any()
    np.testing.assert_array_equal(again, table.values)


def test_an_hour_that_is_there_twice_is_the_first_with_a_warning():
    hours = pa.array([1_730_000_000, 1_729_990_020, 1_729_992_000], pa.timestamp("s", "Europe/Paris"))
    schema, _ = infer_schema(as_table(pa.table({"when": hours})), {"when": "circular(day)"})
    with pytest.warns(UserWarning, match="'when': 2024-10-27 02:30:00 in row 1 is there twice"):
        back = pa.table(schema.table(np.array([[2.5]])))
    assert back["when"].cast(pa.int64()).to_pylist() == [1_729_989_000]


def test_seconds_are_the_unit_of_what_is_finer():
    table = as_table(pa.table({"when": ARROW["milliseconds"]}))
    schema, _ = infer_schema(table)
    assert schema.columns[0].kind == "unbounded"
    assert schema.moments["when"].unit_name == "second"
    assert pa.table(schema.table(np.array([[0.12345]])))["when"].cast(pa.int64()).to_pylist() == [123]


@pytest.mark.parametrize(
    ("kind", "message"),
    [("circular(day)", "dates without a time"), ("circular(360)", "once around"), ("categorical", "not text")],
)
def test_a_kind_that_dates_do_not_have_is_refused(kind, message):
    with pytest.raises(DataError) as caught:
        infer_schema(as_table(pa.table({"when": pa.array(DAYS)})), {"when": kind})
    assert message in f"{caught.value} {caught.value.hint}"


def test_a_turn_of_numbers_is_refused():
    with pytest.raises(DataError, match="it holds numbers, not dates"):
        infer_schema(as_table(pa.table({"x": [0.5, 1.5, 7.0]})), {"x": "circular(day)"})


def test_dates_of_another_form_or_type_are_encoded_alike(tmp_path):
    schema, _ = infer_schema(_csv(tmp_path, ["13/04/2024", "01/05/2024", "02/05/2024"]))
    want = encode(as_table(pa.table({"when": pa.array([datetime.date(2024, 5, 1)]), "x": [0.0]})), schema).values
    for text in ("2024-05-01", "01/05/2024", "1 May 2024"):
        table = as_table(pa.table({"when": [text, text, "13/04/2024" if "/" in text else text], "x": [0.0] * 3}))
        np.testing.assert_array_equal(encode(table, schema).values[0], want[0])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pa.array([1.0, 2.0]), "holds numbers, but dates are wanted"),
        (ARROW["time32"].slice(0, 2), "holds times of day, but dates are wanted"),
        (ARROW["zone"].slice(0, 2), "has the zone America/New_York, but the model was fitted to no time zone"),
    ],
)
def test_what_is_no_date_is_refused_by_a_model_of_dates(cells, message):
    schema, _ = infer_schema(as_table(pa.table({"when": ARROW["date32"]})))
    with pytest.raises(DataError, match=message):
        encode(as_table(pa.table({"when": cells})), schema)


def test_rows_are_counted_as_in_the_file_where_some_are_left_out(tmp_path):
    with pytest.raises(DataError, match="'2024-02-30' in row 4"):
        _csv(tmp_path, ["2024-02-01", "", "2024-02-02", "2024-02-30"], drop_missing=True)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("date32", "0001-01-03", "9999-12-30"),
        ("nanoseconds", "-106750 days +00:12:4", "106749 days 23:47:1"),
        ("days", "1677-09-24 00:00:00", "2262-04-09 00:00:00"),
    ],
)
def test_draws_keep_to_what_a_type_holds(name, low, high):
    schema, _ = infer_schema(as_table(pa.table({"when": ARROW[name]})))
    back = pa.table(schema.table(np.array([[-1e18], [1e18]])))["when"]
    texts = texts_of(schema.clip(np.array([[-1e18], [1e18]]))[:, 0], schema.moments["when"], "when")
    first, last = map(str, texts)
    assert first.startswith(low)
    assert last.startswith(high)
    assert back.cast(pa.int64() if name != "date32" else pa.int32()).to_pylist()[0] < 0


def test_times_of_day_stay_within_the_day():
    table = as_table(pa.table({"when": ARROW["time32"]}))
    schema, _ = infer_schema(table, {"when": "integer"})
    assert (schema.columns[0].low, schema.columns[0].high) == (0, 86_399)
    free, _ = infer_schema(table, {"when": "unbounded"})
    back = pa.table(free.table(np.array([[-1.0], [86_400.0]])))["when"]
    assert back.cast(pa.int32()).to_pylist() == [86_399, 0]


@pytest.mark.parametrize("kind", ["array", "mapping", "records"])
def test_dates_of_numpy_and_of_python_are_taken(kind):
    days = np.array(DAYS, "datetime64[D]")
    given = {"array": days[:, None], "mapping": {"x0": days}, "records": [{"x0": day} for day in DAYS]}[kind]
    table = as_table(given)
    assert table.moments["x0"].arrow == "date32[day]"
    np.testing.assert_array_equal(table.column("x0"), days.astype(int))
