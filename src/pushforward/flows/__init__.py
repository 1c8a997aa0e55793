"""Recipes: a paper's flow as one function, `recipe(dim, ..., key=key) -> Transformed`."""

from pushforward.flows._recipe import Recipe, Small, Training, compiled
from pushforward.flows.autoregressive.bernstein import bernstein
from pushforward.flows.autoregressive.bnaf import bnaf
from pushforward.flows.autoregressive.iaf import iaf
from pushforward.flows.autoregressive.made import made, made_bernoulli
from pushforward.flows.autoregressive.made_mog import made_mog
from pushforward.flows.autoregressive.maf import maf
from pushforward.flows.autoregressive.maf_orders import maf_orders, over_orders
from pushforward.flows.autoregressive.naf import naf
from pushforward.flows.autoregressive.sos import sos
from pushforward.flows.autoregressive.tarflow import tarflow
from pushforward.flows.autoregressive.umnn import umnn
from pushforward.flows.continuous.ffjord import ffjord, flow_matching
from pushforward.flows.coupling.nice import nice
from pushforward.flows.coupling.nsf import nsf_autoregressive, nsf_coupling
from pushforward.flows.coupling.realnvp import realnvp
from pushforward.flows.discrete.argmax import argmax
from pushforward.flows.discrete.idf import idf
from pushforward.flows.discrete.modulo import modulo
from pushforward.flows.image import _small
from pushforward.flows.image._noisy import denoise, guided, without_rounding
from pushforward.flows.image.flowpp import flowpp
from pushforward.flows.image.glow import glow
from pushforward.flows.image.idf_image import idf_image
from pushforward.flows.image.iunet import iunet
from pushforward.flows.image.mintnet_image import mintnet_image
from pushforward.flows.image.nice_image import nice_image
from pushforward.flows.image.nsf_image import nsf_image
from pushforward.flows.image.realnvp_image import realnvp_image
from pushforward.flows.image.residual_image import residual_image
from pushforward.flows.image.tarflow_image import tarflow_image
from pushforward.flows.latent.vae import vae
from pushforward.flows.latent.vae_image import vae_image
from pushforward.flows.linear.gaussian import affine, gaussian
from pushforward.flows.linear.gaussianization import gaussianization
from pushforward.flows.manifold.circular_nsf import circular_nsf
from pushforward.flows.manifold.sphere import sphere
from pushforward.flows.residual_nets.mintnet import mintnet
from pushforward.flows.residual_nets.planar import planar, radial
from pushforward.flows.residual_nets.residual import iresnet, residual
from pushforward.flows.residual_nets.sylvester import sylvester
from pushforward.flows.series.tempflow import tempflow
from pushforward.flows.sound.flowavenet import flowavenet
from pushforward.flows.sound.parallel_wavenet import parallel_wavenet
from pushforward.flows.sound.waveglow import waveglow
from pushforward.flows.sound.wavenet import wavenet

nsf = nsf_coupling
nsf_ar = nsf_autoregressive

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in [
        Recipe("nsf", nsf_coupling, "spline couplings: accurate and fast both ways", "Durkan et al. 2019"),
        Recipe("nsf-ar", nsf_autoregressive, "autoregressive splines: the best densities", "Durkan et al. 2019"),
        Recipe("maf", maf, "affine autoregressive layers: fast densities", "Papamakarios et al. 2017"),
        Recipe("maf-orders", maf_orders, "maf in several orders of the columns, averaged", "Papamakarios et al. 2017"),
        Recipe("iaf", iaf, "affine autoregressive layers turned round: fast samples", "Kingma et al. 2016"),
        Recipe("realnvp", realnvp, "affine couplings", "Dinh et al. 2017"),
        Recipe("nice", nice, "additive couplings, volume-preserving but for one scale", "Dinh et al. 2015"),
        Recipe("made", made, "one Gaussian per column given those before it", "Germain et al. 2015"),
        Recipe(
            "made-mog", made_mog, "a mixture of Gaussians per column given those before it", "Papamakarios et al. 2017"
        ),
        Recipe("made-bernoulli", made_bernoulli, "binary columns given those before them", "Germain et al. 2015"),
        Recipe("planar", planar, "bends along a direction", "Rezende & Mohamed 2015"),
        Recipe("radial", radial, "swellings around a point", "Rezende & Mohamed 2015"),
        Recipe(
            "sylvester",
            sylvester,
            "bends along several directions at once",
            "van den Berg et al. 2018",
            training=Training(learning_rate=2e-2),
        ),
        Recipe(
            "residual",
            residual,
            "contractive residual blocks, trained without bias",
            "Chen et al. 2019",
            training=Training(learning_rate=1e-2),
        ),
        Recipe(
            "iresnet",
            iresnet,
            "contractive residual blocks, trained by a short series",
            "Behrmann et al. 2019",
            training=Training(learning_rate=1e-2),
        ),
        Recipe("circular-nsf", circular_nsf, "spline couplings of angles, on a torus", "Rezende et al. 2020", "circle"),
        Recipe("sphere", sphere, "spline couplings of height and longitude", "Rezende et al. 2020", "sphere"),
        Recipe("mintnet", mintnet, "masked residual layers with exact log-dets", "Song et al. 2019"),
        Recipe("naf", naf, "autoregressive mixtures of sigmoids", "Huang et al. 2018"),
        Recipe("sos", sos, "autoregressive polynomials whose slope is a sum of squares", "Jaini et al. 2019"),
        Recipe("bernstein", bernstein, "autoregressive Bernstein polynomials", "Ramasinghe et al. 2022"),
        Recipe(
            "umnn",
            umnn,
            "autoregressive integrals of a positive network",
            "Wehenkel & Louppe 2019",
            training=Training(learning_rate=1e-2),
        ),
        Recipe(
            "bnaf",
            bnaf,
            "networks that are triangular maps themselves",
            "De Cao et al. 2019",
            training=Training(learning_rate=2e-2),
        ),
        Recipe(
            "gaussianization",
            gaussianization,
            "columns made normal one by one, and rotations",
            "Meng et al. 2020",
            training=Training(learning_rate=1e-2),
        ),
        Recipe(
            "ffjord",
            ffjord,
            "a velocity followed in continuous time",
            "Grathwohl et al. 2019",
            training=Training(learning_rate=1e-2, max_epochs=20),
        ),
        Recipe(
            "flow-matching",
            flow_matching,
            "ffjord trained without solving its equation",
            "Lipman et al. 2023",
            objective="flow_matching",
            training=Training(learning_rate=1e-2, max_epochs=300, patience=50, ema=0.999),
        ),
        Recipe("tarflow", tarflow, "autoregressive blocks seen through causal attention", "Zhai et al. 2025"),
        Recipe(
            "vae",
            vae,
            "a variational autoencoder: fewer latent variables, a bound",
            "Kingma & Welling 2014",
            objective="elbo",
            training=Training(learning_rate=5e-3, max_epochs=300, patience=30),
        ),
        Recipe(
            "glow",
            glow,
            "images: couplings between rotations of the channels",
            "Kingma & Dhariwal 2018",
            "image",
            small=_small.small_glow,
        ),
        Recipe(
            "nsf-image",
            nsf_image,
            "images: Glow with splines as couplings",
            "Durkan et al. 2019",
            "image",
            small=_small.small_nsf,
        ),
        Recipe(
            "realnvp-image",
            realnvp_image,
            "images: affine couplings at several scales",
            "Dinh et al. 2017",
            "image",
            small=_small.small_realnvp,
        ),
        Recipe(
            "flowpp",
            flowpp,
            "images: couplings by mixtures, attention, learned noise",
            "Ho et al. 2019",
            "image",
            small=_small.small_flowpp,
        ),
        Recipe(
            "tarflow-image",
            tarflow_image,
            "images: causal attention over patches, both ways",
            "Zhai et al. 2025",
            "image",
            small=_small.small_tarflow,
        ),
        Recipe(
            "residual-image",
            residual_image,
            "images: contractive convolutional blocks, trained without bias",
            "Chen et al. 2019",
            "image",
            small=_small.small_residual,
        ),
        Recipe(
            "mintnet-image",
            mintnet_image,
            "images: masked convolutions with exact log-dets",
            "Song et al. 2019",
            "image",
            small=_small.small_mintnet,
        ),
        Recipe(
            "iunet",
            iunet,
            "images: a U-Net of additive couplings, at any depth",
            "Etmann et al. 2020",
            "image",
            small=_small.small_iunet,
        ),
        Recipe(
            "idf-image",
            idf_image,
            "images: whole numbers moved, to compress",
            "Hoogeboom et al. 2019",
            "image",
            small=_small.small_idf,
        ),
        Recipe(
            "nice-image",
            nice_image,
            "images: additive couplings of pixels",
            "Dinh et al. 2015",
            "image",
            small=_small.small_nice,
        ),
        Recipe(
            "vae-image",
            vae_image,
            "images: a variational autoencoder with flows as posterior and prior",
            "Kingma & Welling 2014",
            "image",
            objective="elbo",
        ),
        Recipe(
            "waveglow",
            waveglow,
            "sound: couplings by WaveNets between mixtures of neighbouring samples",
            "Prenger et al. 2019",
            "sound",
            multiple=lambda options: options["group_size"],
            training=Training(learning_rate=1e-3),
        ),
        Recipe(
            "flowavenet",
            flowavenet,
            "sound: couplings by WaveNets at many scales of time",
            "Kim et al. 2019",
            "sound",
            multiple=lambda options: 2 ** options["num_blocks"],
            training=Training(learning_rate=1e-3),
        ),
        Recipe(
            "wavenet",
            wavenet,
            "sound: every sample given those before it",
            "van den Oord et al. 2016",
            "sound",
            training=Training(learning_rate=1e-3),
        ),
        Recipe(
            "parallel-wavenet",
            parallel_wavenet,
            "sound: the student of a wavenet, fast at samples",
            "van den Oord et al. 2018",
            "sound",
            training=Training(learning_rate=1e-3),
        ),
        Recipe(
            "tempflow",
            tempflow,
            "series: a flow over all of them at one time, given an encoder of the past",
            "Rasul et al. 2021",
            "series",
            training=Training(learning_rate=1e-3),
        ),
        Recipe("idf", idf, "whole numbers moved by rounded couplings", "Hoogeboom et al. 2019", "integers"),
        Recipe("modulo", modulo, "categories shifted modulo their number", "Tran et al. 2019", "categories"),
        Recipe("argmax", argmax, "categories as largest numbers: a bound", "Hoogeboom et al. 2021", "categories"),
        Recipe("gaussian", gaussian, "one Gaussian with a full covariance, a baseline", "-"),
        Recipe("affine", affine, "one Gaussian with independent columns, a baseline", "-"),
    ]
}
"""All recipes by the name that `--flow` and `FlowDensity` take, the recommended one first."""

__all__ = [
    "RECIPES",
    "Recipe",
    "Small",
    "Training",
    "affine",
    "argmax",
    "bernstein",
    "bnaf",
    "circular_nsf",
    "compiled",
    "denoise",
    "ffjord",
    "flow_matching",
    "flowavenet",
    "flowpp",
    "gaussian",
    "gaussianization",
    "glow",
    "guided",
    "iaf",
    "idf",
    "idf_image",
    "iresnet",
    "iunet",
    "made",
    "made_bernoulli",
    "made_mog",
    "maf",
    "maf_orders",
    "mintnet",
    "mintnet_image",
    "modulo",
    "naf",
    "nice",
    "nice_image",
    "nsf",
    "nsf_ar",
    "nsf_autoregressive",
    "nsf_coupling",
    "nsf_image",
    "over_orders",
    "parallel_wavenet",
    "planar",
    "radial",
    "realnvp",
    "realnvp_image",
    "residual",
    "residual_image",
    "sos",
    "sphere",
    "sylvester",
    "tarflow",
    "tarflow_image",
    "tempflow",
    "umnn",
    "vae",
    "vae_image",
    "waveglow",
    "wavenet",
    "without_rounding",
]
