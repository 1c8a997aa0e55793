"""The checker that `make test` puts around every function of the package; see ../conftest.py."""

from beartype import BeartypeConf, beartype


class Unchecked(UserWarning):
    """A hint that beartype cannot check, such as a protocol or `Self` in a method: that function goes without."""


checked = beartype(conf=BeartypeConf(warning_cls_on_decorator_exception=Unchecked))
