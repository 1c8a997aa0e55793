"""Text tables as people write them: read, or refused for the right reason."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest

from pushforward._errors import DataError
from pushforward.data import Table, TextOptions, read_batches, read_table, write_table
from pushforward.data.text import _streams
from pushforward.data.text._slips import advice

H, N = [0.5, -1.25, 3.0], [12, 7, 12345]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read_text(text: str | bytes, name: str = "d.csv", **options) -> Table:
    with open(name, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    return read_table(name, **options)


def rows(delimiter: str = ",", decimal: str = ".", ends: str = "\n") -> str:
    return "".join(f"{str(h).replace('.', decimal)}{delimiter}{n}{ends}" for h, n in zip(H, N, strict=True))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("h,n\n" + rows(), ("h", "n")),
        ("h;n\n" + rows(";"), ("h", "n")),
        ("h|n\n" + rows("|"), ("h", "n")),
        ("h\tn\n" + rows("\t"), ("h", "n")),
        ("h n\n" + rows("  "), ("h", "n")),
        (" h   n \n" + rows("\t ", ends="  \n"), ("h", "n")),
        ("h, n\n" + rows(", "), ("h", "n")),
        ("h, n\r\n" + rows(" , ", ends="\r\n"), ("h", "n")),
        ("sep=;\nh;n\n" + rows(";"), ("h", "n")),
        ("SEP=|\r\nh|n\r\n" + rows("|", ends="\r\n"), ("h", "n")),
        ("width, mm;n\n" + rows(";"), ("width, mm", "n")),
        ('"width; mm","n"\n' + rows(), ("width; mm", "n")),
        ('"h\n(cm)",n\n' + rows(), ("h (cm)", "n")),
        ('"h\r\n(cm)","n\r\n\r\nx"\r\n' + rows(ends="\r\n"), ("h (cm)", "n x")),
        ("# made by X, on Monday\n# and checked\nh,n\n" + rows(), ("h", "n")),
        ("# h n\n" + rows(" "), ("h", "n")),
        ("# made by X\n# h,n\n" + rows(), ("h", "n")),
        ("# 3 rows\n" + rows(), ("x0", "x1")),
        ("#h,n\n" + rows(), ("#h", "n")),
        ("#,n\n" + rows(), ("#", "n")),
    ],
)
def test_marks_and_names_are_found(text, names):
    table = read_text(text)
    assert table.names == names
    assert table.kinds == ("float", "int")
    np.testing.assert_array_equal(table.values, np.column_stack([H, N]))


def test_comments_between_rows_are_left_out_and_said_once():
    table = read_text("# one\nh,n\n1,2\n# two, with a comma\n3,4\n# three")
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert table.notes == ("d.csv: lines that begin with '#' are taken for comments.",)


def test_a_comment_of_another_sign_is_left_out_when_it_is_said():
    text = "h,n\n1,2\n% what\n3,4\n"
    with pytest.raises(DataError, match="row 2 has 1 cells") as caught:
        read_text(text)
    assert caught.value.hint == "if lines that begin with '%' are comments, give `--comment '%'`"
    assert read_text(text, form=TextOptions(comment="%")).values.tolist() == [[1, 2], [3, 4]]


def test_rows_are_counted_without_comments_and_lines_of_a_header():
    with pytest.raises(DataError, match="column 'n x' holds text: 'bob' in row 3"):
        read_text('# made\nh,"n\nx"\n1,2\n# what\n3,4\n5,bob\n')
    with pytest.raises(DataError, match="row 2 has 3 cells"):
        read_text('"h\nm",n\n1,2\n3,4,5\n')


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_blanks_around_cells_are_left_out_and_those_in_quotes_stay(ends):
    lines = ["age, work , place", '39, Private,"a, b"', '50 , ?, " c" ', ' 38,Private ,  "d""e"', "1,  ,x"]
    text = ends.join(lines) + ends
    with pytest.raises(DataError, match=r"2 rows .* rows 2, 4 \(column 'work'\)"):
        read_text(text)
    table = read_text(text, drop_missing=True)
    assert table.categories["work"] == ("Private",)
    assert [table.categories["place"][int(code)] for code in table.column("place")] == ["a, b", 'd"e']
    assert sum("blanks around cells" in note for note in table.notes) == 1
    whole = read_text(text.replace(" ?", "State").replace("1,  ,", "1,State,"))
    assert [whole.categories["place"][int(code)] for code in whole.column("place")] == ["a, b", " c", 'd"e', "x"]


def test_cleaning_does_not_depend_on_where_a_piece_ends(monkeypatch):
    text = "a, b\n" + '"x, \n y", 1\nz , 2\n  w,3\n' * 50
    whole = read_text(text)
    for size in (7, 8, 9, 64):
        monkeypatch.setattr(_streams, "CHUNK_BYTES", size)
        again = read_text(text)
        assert again.categories == whole.categories == {"a": ("w", "x, \n y", "z")}
        np.testing.assert_array_equal(again.values, whole.values)


def test_a_cell_with_line_breaks_is_one_cell():
    table = read_text('h,c\n1,"a\nb"\n2,x\n')
    assert table.categories == {"c": ("a\nb", "x")}


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
@pytest.mark.parametrize("names", [("DE", "NA"), ("", "x"), ("None", "nan", "null"), ("?", "<NA>"), (" x", "x ")])
def test_categories_that_look_missing_are_read_back(suffix, names):
    codes = np.arange(6.0)[:, None] % len(names)
    write_table(f"t.{suffix}", Table(("c", "v"), np.hstack([codes, codes + 0.5]), categories={"c": names}))
    # A model knows its categories; what stands empty in quotes is one of them only if it says so.
    from pushforward.data._read import read_parts
    from pushforward.data._source import Selection

    selection = Selection(("c", "v"), text=("c",), empty=("c",) if "" in names else ())
    (part,) = read_parts(f"t.{suffix}", selection, drop_missing=False)
    labels = part.table.categories["c"]
    assert [labels[int(code)] for code in part.table.column("c")] == [names[int(code)] for code in codes[:, 0]]


def test_quotes_say_nothing_where_numbers_stand_in_quotes():
    with pytest.raises(DataError, match=r"2 rows .* rows 2, 3 \(columns 'a', 'c'\)"):
        read_text('"a","c"\n"1","x"\n"","y"\n"3","NA"\n')


def test_an_empty_cell_in_quotes_is_missing():
    with pytest.raises(DataError, match=r"1 row .* row 2 \(column 'c'\)"):
        read_text('a,c\n1,"x"\n2,""\n3,"y"\n')


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (["4,5", "12,25"], "for decimal commas give `--decimal ,`"),
        (["10,000", "4,5"], "for decimal commas give `--decimal ,`"),
        (
            ["10,000", "12,500"],
            "if the comma parts thousands, write the numbers without it (10000); if it is a decimal",
        ),
        (["1,234,567"], "without the marks of thousands, such as 1234567"),
        (["1,234.5"], "without the marks of thousands, such as 1234.5"),
        (["1.234,5"], "without the marks of thousands, such as 1234.5"),
        (["1'234"], "without the marks of thousands, such as 1234"),
        (["10 000"], "without the marks of thousands, such as 10000"),
        (["$12.50", "$3"], "write the numbers without '$', such as 12.50"),
        (["12.50 €"], "write the numbers without '€', such as 12.50"),
        (["12.5%"], "write the numbers without '%', such as 12.5"),
        (["-3 %"], "write the numbers without '%', such as -3"),
    ],
)
def test_numbers_with_slips_are_told_what_is_wrong_with_them(values, hint):
    assert hint in (advice(values) or "")
    with pytest.raises(DataError, match="column 'v' holds text") as caught:
        read_text("h;v\n" + "".join(f"1;{value}\n" for value in values))
    assert hint in caught.value.hint
    assert "--column v:categorical" in caught.value.hint


@pytest.mark.parametrize("values", [["oops"], ["a,b"], ["12,"], ["2020-01-01"], ["1,2,3"], ["ab%"]])
def test_other_text_is_no_number_with_a_slip(values):
    assert advice(values) is None


def test_a_decimal_comma_is_read_when_it_is_said():
    form = TextOptions(decimal=",")
    np.testing.assert_array_equal(read_text("h;n\n" + rows(";", ","), form=form).values, np.column_stack([H, N]))
    np.testing.assert_array_equal(read_text(rows(";", ","), form=form).values, np.column_stack([H, N]))
    with pytest.raises(DataError, match=r"column 'h' holds text: '1\.5' in row 2"):
        read_text("h;n\n2,5;1\n1.5;2\n", form=form)


def test_thousands_are_never_taken_for_decimals():
    with pytest.raises(DataError, match="column 'v' holds text: '10,000' in row 1"):
        read_text('h,v\n1,"10,000"\n2,"12,500"\n')


def test_other_encodings_are_read_when_they_are_said():
    text = "café;n\nà;1\nß;2\n"
    for encoding, hint in (("cp1252", "--encoding cp1252"), ("utf-16", "--encoding utf-16")):
        with pytest.raises(DataError) as caught:
            read_text(text.encode(encoding))
        assert hint in caught.value.hint
        table = read_text(text.encode(encoding), form=TextOptions(encoding=encoding))
        assert table.names == ("café", "n")
        assert table.categories == {"café": ("ß", "à")}


def test_cells_in_another_encoding_are_told():
    with pytest.raises(DataError, match=r"cells of column 'c' are not UTF-8") as caught:
        read_text("h,c\n1,é\n2,x\n".encode("latin-1"))
    assert "--encoding cp1252" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "delimiter ';;' is not one sign"),
        ({"decimal": "x"}, "decimal 'x' is not one sign"),
        ({"delimiter": ",", "decimal": ","}, "both delimiter and decimal mark"),
        ({"encoding": "latin1252"}, "encoding 'latin1252' is not known"),
        ({"comment": " "}, "the sign of a comment is empty"),
    ],
)
def test_signs_that_cannot_be_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        TextOptions(**options)


@pytest.mark.parametrize("delimiter", ["tab", "\t", "blank", "|", ";"])
def test_a_delimiter_may_be_said(delimiter):
    sign = {"tab": "\t", "blank": "  "}.get(delimiter, delimiter)
    assert read_text(f"h{sign}w\n1{sign}x\n", form=TextOptions(delimiter=delimiter)).names == ("h", "w")


def test_one_column_of_blanks_is_told_how_to_part_it():
    table = read_text("h w\n1 x\n2 y\n")
    assert table.names == ("h w",)
    assert "--delimiter blank" in table.notes[0]


def _zipped(text: bytes, *names: str) -> bytes:
    with zipfile.ZipFile("made.bin", "w") as archive:
        for name in names:
            archive.writestr(name, text)
    with open("made.bin", "rb") as file:
        return file.read()


def _zst(text: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedOutputStream("made.zst", "zstd") as out:
        out.write(text)
    with open("made.zst", "rb") as file:
        return file.read()


@pytest.mark.parametrize("inner", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip"])
def test_compressed_text_is_read_in_batches(suffix, inner):
    count = 300_000
    made = {"csv": "a,b\n" + "1.5,2\n" * count, "tsv": "a\tb\n" + "1.5\t2\n" * count}
    made["jsonl"] = '{"a":1.5,"b":2}\n' * count
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": _zst}
    pack["zip"] = lambda text: _zipped(text, f"in.{inner}")
    name = f"d.{inner}.{suffix}"
    packed = pack[suffix](made[inner].encode())
    with open(name, "wb") as file:
        file.write(packed)
    batches = list(read_batches(name))
    assert sum(batch.num_rows for batch in batches) == count
    assert all((batch.values == [1.5, 2]).all() for batch in batches)
    with open(name, "wb") as file:
        file.write(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cannot be read as|no rows|no table"):
        read_table(name)


def test_an_archive_with_several_files_lists_them():
    with open("d.zip", "wb") as file:
        file.write(_zipped(b"a\n1\n", "one.csv", "two.csv"))
    with pytest.raises(DataError, match=r"the archive holds 2 files \(one.csv, two.csv\)"):
        read_table("d.zip")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("d.parquet.gz", r"compressed \.parquet files are not read", "decompress"),
        ("d.xlsx", "extension '.xlsx' is not known", "save the sheet as CSV"),
        ("d.json", "extension '.json' is not known", ".jsonl"),
    ],
)
def test_other_endings_are_told_what_to_do(name, message, hint):
    with pytest.raises(DataError, match=message) as caught:
        read_text("a\n1\n", name)
    assert hint in caught.value.hint


def test_json_lines_have_names_types_and_missing_cells():
    text = '{"a": 1, "c": "x", "t": true}\n{"c": "y", "a": 2, "t": false}\n{"a": 2.5, "c": "x", "t": true, "z": 1}\n'
    table = read_text(text, "d.jsonl", drop=["z"])
    assert table.names == ("a", "c", "t")
    assert table.categories == {"c": ("x", "y"), "t": (False, True)}
    assert table.column("a").tolist() == [1, 2, 2.5]
    with pytest.raises(DataError, match=r"2 rows .* rows 1, 2 \(column 'z'\)"):
        read_text(text, "d.jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("[1, 2]\n", "one array, not one object a line"),
        ('{"a": 1}\n{"a": "x"}\n', "cannot be read as JSON Lines"),
        ('{"a": 1}\n{"a": \n', "cannot be read as JSON Lines"),
        ('{"a": {"b": 1}}\n', "column 'a' holds text"),
    ],
)
def test_json_that_is_no_table_is_refused(text, message):
    with pytest.raises(DataError, match=message):
        read_text(text, "d.jsonl")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "npz", "jsonl"])
def test_values_that_stand_for_missing_are_missing_in_every_format(suffix):
    values = np.array([[1.0, -99.0], [2.0, 3.0], [-99.5, 4.0], [5.0, 6.0]])
    if suffix == "jsonl":
        read_text("".join(f'{{"a": {a}, "b": {b}}}\n' for a, b in values), "t.jsonl")
    else:
        write_table(f"t.{suffix}", Table(("a", "b"), values))
    with pytest.raises(DataError, match=r"2 rows .* rows 1, 3 \(columns 'a', 'b'\)"):
        read_table(f"t.{suffix}", missing=["-99", "-99.5"])
    table = read_table(f"t.{suffix}", missing=["-99", "-99.5"], drop_missing=True)
    np.testing.assert_array_equal(table.values, values[[1, 3]])
    batches = list(read_batches(f"t.{suffix}", 1, missing=["-99"], drop_missing=True))
    assert [batch.num_rows for batch in batches] == [0, 1, 1, 1]


def test_words_that_stand_for_missing_are_missing_among_numbers_and_categories():
    text = "a,c\n1,x\nunknown,y\n3,unknown\n4,y\n"
    assert read_text(text, missing=["unknown"], drop_missing=True).values.tolist() == [[1, 0], [4, 1]]
    write_table("t.parquet", Table(("c",), np.array([[0.0], [1.0], [2.0]]), categories={"c": ("x", "unknown", "y")}))
    assert read_table("t.parquet", missing=["unknown"], drop_missing=True).num_rows == 2


def test_fits_is_read_through_astropy_or_says_what_to_install(monkeypatch):
    monkeypatch.setattr("pushforward.data.files._fits.find_spec", lambda name: None)
    with pytest.raises(DataError, match="astropy, which is not installed") as caught:
        read_text("SIMPLE", "d.fits")
    assert caught.value.hint == "install it with `pip install astropy`"


def test_tables_of_fits_keep_names_types_and_what_is_undefined():
    tables = pytest.importorskip("astropy.table")
    made = tables.Table({"flux": np.array([1.5, 2.5, np.nan], ">f4"), "n": np.array([1, 2, 3], ">i4")})
    made["kind"] = tables.MaskedColumn(["star", "galaxy", "star"], mask=[False, False, False])
    made["n"] = tables.MaskedColumn(made["n"], mask=[False, True, False])
    made.write("t.fits")
    with pytest.raises(DataError, match=r"2 rows .* rows 2, 3 \(columns 'flux', 'n'\)"):
        read_table("t.fits")
    table = read_table("t.fits", columns=["kind", "flux"], drop_missing=True)
    assert table.categories == {"kind": ("galaxy", "star")}
    assert table.values.tolist() == [[1, 1.5], [0, 2.5]]
