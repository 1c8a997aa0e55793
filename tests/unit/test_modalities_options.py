"""Options of flows, as every estimator takes them."""

import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Clips

ROWS = np.random.default_rng(0).normal(size=(40, 2))
SOUND = Clips(tuple(np.random.default_rng(i).integers(-99, 99, 600).astype(np.int16) for i in range(3)), 8000)
PICTURES = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 1)).astype(np.uint8)
FITS = {
    "table": lambda options: pf.FlowDensity("maf", options=options).fit(ROWS),
    "auto": lambda options: pf.FlowDensity("auto", options=options).fit(ROWS),
    "vae": lambda options: pf.FlowVAE(options=options).fit(ROWS),
    "image": lambda options: pf.ImageDensity("glow", options=options).fit(PICTURES),
    "sound": lambda options: pf.SoundDensity("waveglow", options=options, length=512).fit(SOUND),
    "series": lambda options: pf.FlowForecaster("tempflow", options=options, horizon=2).fit(np.cumsum(ROWS, axis=0)),
}


@pytest.mark.parametrize("options", [3, "width", ["width"], []])
@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_what_is_no_mapping_is_refused(fit, options):
    with pytest.raises(DataError, match=r"options must be a mapping.*\n.*width"):
        fit(options)


@pytest.mark.parametrize("fit", [fit for name, fit in FITS.items() if name != "auto"])
def test_an_unknown_option_is_named(fit):
    with pytest.raises(ValueError, match="widht"):
        fit({"widht": 8})
