"""Pictures of data, densities, samples and training, as Matplotlib figures."""

from pushforward.plots._corner import corner
from pushforward.plots._density import density_grid
from pushforward.plots._images import image_rows, save_images, tiled
from pushforward.plots._loss import loss_curve
from pushforward.plots._ranks import rank_histogram
from pushforward.plots._samples import samples_beside_data
from pushforward.plots._save import check_ending, save
from pushforward.plots._series import correlations, fan
from pushforward.plots._shares import shares
from pushforward.plots._sound import spectrograms, waves
from pushforward.plots._steps import steps

__all__ = [
    "check_ending",
    "corner",
    "correlations",
    "density_grid",
    "fan",
    "image_rows",
    "loss_curve",
    "rank_histogram",
    "samples_beside_data",
    "save",
    "save_images",
    "shares",
    "spectrograms",
    "steps",
    "tiled",
    "waves",
]
