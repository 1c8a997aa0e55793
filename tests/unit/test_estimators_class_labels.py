"""Labels of classes, where -1 stands for none."""

import numpy as np
import pytest

from pushforward import DataError
from pushforward.estimators._class_labels import labels_in, without_label


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (np.array([3, -1, 12, 3, 12]), [3, 12], [0, -1, 1, 0, 1]),
        (np.array(["b", "-1", "a", "b", "a"]), ["a", "b"], [1, -1, 0, 1, 0]),  # what NumPy makes of ["b", -1, ...]
        (np.array([-1, "b", "a", "b", "a"], dtype=object), ["a", "b"], [-1, 1, 0, 1, 0]),
        (np.array([True, False, True, False]), [False, True], [1, 0, 1, 0]),
        (np.array([-2.0, -1.0, 0.0, -2.0, 0.0]), [-2, 0], [0, -1, 1, 0, 1]),
    ],
)
def test_minus_one_is_no_class(y, classes, codes):
    found = labels_in(y, "FlowClassifier", "row")
    assert found.classes.tolist() == classes
    assert found.codes.tolist() == codes
    np.testing.assert_array_equal(found.known, ~without_label(y))


def test_beside_one_other_value_it_is_a_class():
    with pytest.warns(UserWarning, match="y holds -1 and 1 alone: -1 is taken for a class"):
        found = labels_in(np.array([-1, 1, -1, 1]), "ImageClassifier", "image")
    assert found.classes.tolist() == [-1, 1]
    assert found.known.all()


def test_a_class_with_one_label_is_told():
    with pytest.warns(UserWarning, match="class b has one image: its density is a guess"):
        labels_in(np.array(["a", "a", "b", "-1", "-1"]), "ImageClassifier", "image")


@pytest.mark.parametrize(
    ("y", "words"), [([-1, -1], "no image has a label"), ([4, 4], "all images with a label are of one class, 4")]
)
def test_fewer_than_two_classes_are_refused(y, words):
    with pytest.raises(DataError, match=rf"{words}, and ImageClassifier needs at least 2 classes[\s\S]*give labels of"):
        labels_in(np.array(y), "ImageClassifier", "image")


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.array([0.0, 1.0, np.nan]), r"(?s)1 of 3 labels are nan.*write -1 where there is no label"),
        (np.array(["a", "b", None], object), r"(?s)1 of 3 labels are None.*write -1"),
    ],
)
def test_a_missing_label_is_told_how_it_is_written(y, words):
    with pytest.raises(DataError, match=words):
        labels_in(y, "FlowClassifier", "row")


def test_whole_numbers_may_be_objects():
    found = labels_in(np.array([0, 2, -1, 2, 0], object), "FlowClassifier", "row")
    assert found.classes.tolist() == [0, 2]
    assert found.codes.tolist() == [0, 1, -1, 1, 0]
