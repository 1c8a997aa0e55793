"""What elementwise maps are, in mpmath: each gives a value and the logarithm of the slope, of one number."""

from collections.abc import Callable

import jax
import mpmath as mp
import numpy as np

from pushforward.bijections.elementwise._bins import MIN_BIN
from pushforward.bijections.elementwise._polynomial import MIN_SLOPE
from pushforward.bijections.elementwise._quadrature import CROWDING, SLOPE_LIMIT, _clenshaw_curtis

Reference = Callable[[mp.mpf], tuple[mp.mpf, mp.mpf]]
HUGE = 1000
"""Further out than this the exponential beside 1 is below all digits."""


def exp(x):
    return mp.exp(x), x


def log(x):
    return mp.log(x), -mp.log(x)


def power(p: float) -> Reference:
    p = mp.mpf(p)
    return lambda x: (x**p, mp.log(abs(p)) + (p - 1) * mp.log(x))


def line(slope: float, shift: float) -> tuple[Reference, Reference]:
    slope, shift = mp.mpf(slope), mp.mpf(shift)
    return lambda x: (slope * x + shift, mp.log(slope)), lambda y: ((y - shift) / slope, -mp.log(slope))


def gated(gate: float, loc: float) -> tuple[Reference, Reference]:
    share = 1 / (1 + mp.exp(-mp.mpf(gate)))
    return line(share, (1 - share) * loc)


def sigmoid(low: float, high: float) -> Reference:
    low, high = mp.mpf(low), mp.mpf(high)

    def forward(x):
        rise = mp.exp(-abs(x))
        step = (high - low) * rise / (1 + rise)
        return low + step if x < 0 else high - step, mp.log(high - low) - abs(x) - 2 * mp.log1p(rise)

    return forward


def logit(low: float, high: float) -> Reference:
    low, high = mp.mpf(low), mp.mpf(high)
    return lambda y: (mp.log((y - low) / (high - y)), mp.log(high - low) - mp.log(y - low) - mp.log(high - y))


def tanh(x):
    return mp.tanh(x), 2 * (mp.log(2) - abs(x) - mp.log1p(mp.exp(-2 * abs(x))))


def arctanh(y):
    return mp.atanh(y), -mp.log1p(-y * y)


def leaky_tanh(bound: float) -> tuple[Reference, Reference]:
    bound = mp.mpf(bound)
    edge, slope = mp.tanh(bound), 1 - mp.tanh(bound) ** 2

    def forward(x):
        inner = max(min(x, bound), -bound)
        y, log_slope = tanh(inner)
        return y + slope * (x - inner), log_slope

    def inverse(y):
        inner = max(min(y, edge), -edge)
        x, log_slope = arctanh(inner)
        return x + (y - inner) / slope, log_slope

    return forward, inverse


def long_tails(knee: float) -> tuple[Reference, Reference]:
    knee = mp.mpf(knee)

    def forward(x):
        beyond = max(abs(x) - knee, 0)
        return (mp.sign(x) * (knee + mp.expm1(beyond)) if beyond else x), beyond

    def inverse(y):
        beyond = mp.log1p(max(abs(y) - knee, 0))
        return (mp.sign(y) * (knee + beyond) if beyond else y), -beyond

    return forward, inverse


def softplus(x):
    log_slope = x if x < -HUGE else -mp.log1p(mp.exp(-x))
    return (x if x > HUGE else mp.log1p(mp.exp(x))), log_slope


def softplus_inverse(y):
    return y + mp.log(-mp.expm1(-y)), -mp.log(-mp.expm1(-y))


def sinh_arcsinh(skewness: float, tailweight: float) -> tuple[Reference, Reference]:
    skewness, tailweight = mp.mpf(skewness), mp.mpf(tailweight)

    def forward(x):
        inner = tailweight * (mp.asinh(x) + skewness)
        return mp.sinh(inner), mp.log(tailweight * mp.cosh(inner)) - mp.log1p(x * x) / 2

    def inverse(y):
        inner = mp.asinh(y) / tailweight - skewness
        return mp.sinh(inner), mp.log(mp.cosh(inner) / tailweight) - mp.log1p(y * y) / 2

    return forward, inverse


def normal_quantile_inverse(y):
    size, half_log_2pi = abs(y), mp.log(2 * mp.pi) / 2
    if size > 100:  # the asymptotic series of Mills' ratio
        w = 1 / (size * size)
        log_mills = mp.log1p(-w + 3 * w**2 - 15 * w**3 + 105 * w**4 - 945 * w**5) - mp.log(size)
        x, log_phi = size * size / 2 + half_log_2pi - log_mills, mp.mpf(0)
    else:
        log_tail = mp.log(mp.erfc(size / mp.sqrt(2)) / 2)
        log_mills, log_phi = log_tail + size * size / 2 + half_log_2pi, mp.log1p(-mp.exp(log_tail))
        x = 2 * mp.atanh(mp.erf(size / mp.sqrt(2))) if size < 1 else log_phi - log_tail
    return mp.sign(y) * x, -log_phi - log_mills


def normal_quantile(x):
    y = mp.sqrt(2 * x) if x > 5 else -mp.sqrt(-2 * x) if x < -5 else mp.mpf("0.6") * x
    y = root(normal_quantile_inverse, x, y)
    return y, -normal_quantile_inverse(y)[1]


def root(reference: Reference, wanted, start):
    """Where an increasing function has the value `wanted`, by Newton's steps."""
    for _ in range(100):
        value, log_slope = reference(start)
        step = (value - wanted) / mp.exp(log_slope)
        start -= step
        if abs(step) <= abs(start) * mp.mpf(10) ** -30:
            break
    return start


def rational_quadratic(bijection, bound: float, slopes_raw) -> tuple[Reference, Reference]:
    """Between `-bound` and `bound`; `slopes_raw` at all knots."""
    bound = mp.mpf(bound)
    lefts, widths = _knots(bijection.widths_raw, bound)
    bottoms, heights = _knots(bijection.heights_raw, bound)
    offset = mp.log(mp.expm1(1 - mp.mpf(MIN_BIN)))
    slopes = [mp.log1p(mp.exp(mp.mpf(float(raw)) + offset)) + MIN_BIN for raw in slopes_raw]

    def forward(x):
        if abs(x) >= bound:
            return x, mp.mpf(0)
        k = max(i for i, left in enumerate(lefts) if left <= x)
        s, xi, low, high = heights[k] / widths[k], (x - lefts[k]) / widths[k], slopes[k], slopes[k + 1]
        below = s + (low + high - 2 * s) * xi * (1 - xi)
        y = bottoms[k] + heights[k] * (s * xi**2 + low * xi * (1 - xi)) / below
        return y, mp.log(s**2 * (high * xi**2 + 2 * s * xi * (1 - xi) + low * (1 - xi) ** 2) / below**2)

    def inverse(y):
        x = y if abs(y) >= bound else bisected(forward, y, -bound, bound)
        return x, -forward(x)[1]

    return forward, inverse


def _knots(raw, bound) -> tuple[list, list]:
    parts = [mp.exp(mp.mpf(float(value))) for value in raw]
    shares = [MIN_BIN + (1 - len(parts) * mp.mpf(MIN_BIN)) * part / mp.fsum(parts) for part in parts]
    sizes = [2 * bound * share for share in shares]
    return [mp.fsum(sizes[:i]) - bound for i in range(len(sizes))], sizes


def bisected(reference: Reference, wanted, low, high):
    for _ in range(140):
        middle = (low + high) / 2
        low, high = (middle, high) if reference(middle)[0] < wanted else (low, middle)
    return (low + high) / 2


def positive(raw):
    raw = mp.mpf(float(raw))
    return raw + mp.sqrt(1 + raw * raw)


def softmax(raw) -> list:
    parts = [mp.exp(mp.mpf(float(value))) for value in raw]
    return [part / mp.fsum(parts) for part in parts]


def deep_sigmoidal(bijection) -> Reference:
    slopes, weights = [positive(raw) for raw in bijection.slopes_raw], softmax(bijection.weights_raw)
    offsets = [mp.mpf(float(offset)) for offset in bijection.offsets]

    def forward(x):
        u = [a * x + c for a, c in zip(slopes, offsets, strict=True)]
        return _logit_of_mixture(weights, u, [mp.log(a) for a in slopes])

    return forward


def _log1p_exp(v):
    return v if v > HUGE else mp.exp(v) if v < -HUGE else mp.log1p(mp.exp(v))


def _logit_of_mixture(weights, u, log_slopes):
    """Terms of the mixture and of its complement beside their largest ones, which can be of any size."""
    rise, fall = [-_log1p_exp(-v) for v in u], [-_log1p_exp(v) for v in u]
    p, q = max(rise), max(fall)
    log_p, log_q = (_log_mix(weights, [v - top for v in logs]) for logs, top in ((rise, p), (fall, q)))
    terms = [s + (a - p) + (c - q) for s, a, c in zip(log_slopes, rise, fall, strict=True)]
    return p - q + log_p - log_q, _log_mix(weights, terms) - log_p - log_q


def _log_mix(weights, logs):
    top = max(logs)
    return top + mp.log(mp.fsum(w * mp.exp(value - top) for w, value in zip(weights, logs, strict=True)))


def sum_of_squares(bijection) -> Reference:
    raw = [[mp.mpf(float(v)) for v in row] for row in bijection.coefficients_raw]
    rows = [[v / mp.sqrt(mp.sqrt(1 + v * v)) for v in row] for row in raw]
    bound, loc = mp.mpf(bijection.bound), mp.mpf(float(bijection.loc))

    def forward(x):
        inner = max(min(x, bound), -bound)
        t = inner / bound
        slope = mp.fsum(mp.fsum(c * t**k for k, c in enumerate(row)) ** 2 for row in rows) + MIN_SLOPE
        pairs = ((a * c, i + j + 1) for row in rows for i, a in enumerate(row) for j, c in enumerate(row))
        value = mp.fsum(product * t**degree / degree for product, degree in pairs) + MIN_SLOPE * t
        return loc + bound * value + slope * (x - inner), mp.log(slope)

    return forward


def bernstein(bijection) -> Reference:
    steps, bound, loc = (
        [positive(raw) for raw in bijection.steps_raw],
        mp.mpf(bijection.bound),
        mp.mpf(float(bijection.loc)),
    )
    degree = len(steps)
    coefficients = [(mp.fsum(steps[:k]) - mp.fsum(steps[k:])) / 2 for k in range(degree + 1)]

    def basis(n, t):
        return [mp.binomial(n, k) * t**k * (1 - t) ** (n - k) for k in range(n + 1)]

    def forward(x):
        inner = max(min(x, bound), -bound)
        t = (inner / bound + 1) / 2
        value = mp.fdot(coefficients, basis(degree, t))
        slope = mp.fdot(steps, basis(degree - 1, t))
        return loc + 2 * bound / degree * value + slope * (x - inner), mp.log(slope)

    return forward


def network(bijection) -> Reference:
    """The positive network of `MonotoneNetwork` and `ClenshawCurtisNetwork`."""
    net = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), bijection.net)
    weights, biases = [mp.matrix(w.tolist()) for w in net.weights], [mp.matrix(c.tolist()) for c in net.biases]
    seen = [mp.mpf(v) for v in net.embedding.tolist()]

    def value(t):
        h = mp.matrix([t, *seen])
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            h = weight * (h if i == 0 else h.apply(lambda v: v / (1 + mp.exp(-v)))) + bias
        return mp.exp(SLOPE_LIMIT * mp.tanh(h[0] / SLOPE_LIMIT))

    return value


def monotone_network(bijection) -> Reference:
    count, bound = bijection.num_nodes, mp.mpf(bijection.bound)
    even = [mp.mpf(2 * i) / (count - 1) - 1 for i in range(count)]
    places = [bound * mp.sinh(CROWDING * e) / mp.sinh(CROWDING) for e in even]
    slopes = [network(bijection)(place) for place in places]
    areas = [(slopes[i] + slopes[i + 1]) / 2 * (places[i + 1] - places[i]) for i in range(count - 1)]
    middle, scale, loc = mp.fsum(areas[: count // 2]), positive(bijection.scale_raw), mp.mpf(float(bijection.loc))

    def forward(x):
        inner = max(min(x, bound), -bound)
        k = min(max(i for i, place in enumerate(places) if place <= inner), count - 2)
        xi = (inner - places[k]) / (places[k + 1] - places[k])
        slope = slopes[k] + (slopes[k + 1] - slopes[k]) * xi
        y = mp.fsum(areas[:k]) - middle + (slopes[k] + slope) / 2 * (inner - places[k])
        return loc + scale * (y + slope * (x - inner)), mp.log(scale * slope)

    return forward


def clenshaw_curtis(bijection) -> Reference:
    ends, weights = _clenshaw_curtis(bijection.num_nodes)
    value, bound = network(bijection), mp.mpf(bijection.bound)
    scale, loc = positive(bijection.scale_raw), mp.mpf(float(bijection.loc))

    def forward(x):
        inner = max(min(x, bound), -bound)
        y = inner * mp.fsum(mp.mpf(w) * value(mp.mpf(e) * inner) for e, w in zip(ends, weights, strict=True))
        slope = value(inner)
        return loc + scale * (y + slope * (x - inner)), mp.log(scale * slope)

    return forward


def dense_sigmoidal(bijection) -> Reference:
    layers = range(len(bijection.slopes_raw))

    def mixes(shared, own):
        return [softmax([float(a) + float(c) for a, c in zip(row, own, strict=True)]) for row in shared]

    outer = [mixes(bijection.outer_shared[i], bijection.outer_raw[i]) for i in layers]
    inner = [mixes(bijection.inner_shared[i - 1], bijection.inner_raw[i - 1]) for i in layers if i > 0]

    def forward(x):
        h, log_slopes = [x], [mp.mpf(0)]
        for i in layers:
            if i > 0:
                mixed = inner[i - 1]
                log_slopes = [_log_mix(row, log_slopes) for row in mixed]
                h = [mp.fdot(row, h) for row in mixed]
            slopes = [positive(raw) for raw in bijection.slopes_raw[i]]
            count = len(slopes)
            h, log_slopes = list(h) * (count // len(h)), list(log_slopes) * (count // len(log_slopes))
            u = [a * v + mp.mpf(float(c)) for a, v, c in zip(slopes, h, bijection.offsets[i], strict=True)]
            own = [mp.log(a) + s for a, s in zip(slopes, log_slopes, strict=True)]
            h, log_slopes = zip(*(_logit_of_mixture(row, u, own) for row in outer[i]), strict=True)
        return h[0], log_slopes[0]

    return forward


def quadratic_spline(bijection) -> Reference:
    bound = mp.mpf(bijection.bound)
    lefts, sizes = _knots(bijection.widths_raw, mp.mpf(1) / 2)
    raw = [mp.mpf(float(value)) for value in bijection.slopes_raw]
    slopes = [mp.exp(value - max(raw)) + MIN_BIN for value in raw]
    areas = [(a + c) / 2 * size for a, c, size in zip(slopes, slopes[1:], sizes, strict=False)]

    def forward(x):
        if abs(x) >= bound:
            return x, mp.mpf(0)
        t = x / (2 * bound)  # from -1/2 to 1/2, as the knots
        k = max(i for i, left in enumerate(lefts) if left <= t)
        xi = (t - lefts[k]) / sizes[k]
        slope = slopes[k] + (slopes[k + 1] - slopes[k]) * xi
        area = mp.fsum(areas)
        y = (mp.fsum(areas[:k]) + (slopes[k] + slope) / 2 * (t - lefts[k])) / area
        return 2 * bound * y - bound, mp.log(slope / area)

    return forward


def equalize(bijection) -> Reference:
    probs = softmax(bijection.log_probs)

    def forward(x):
        below, k = mp.ncdf(x), 0
        while k < len(probs) - 1 and below > probs[k]:
            below, k = below - probs[k], k + 1
        return k + below / probs[k], mp.log(mp.npdf(x)) - mp.log(probs[k])

    return forward


def linear_spline(bijection) -> Reference:
    bound = mp.mpf(bijection.bound)
    heights = [MIN_BIN + (1 - len(bijection.heights_raw) * mp.mpf(MIN_BIN)) * s for s in softmax(bijection.heights_raw)]

    def forward(x):
        if abs(x) >= bound:
            return x, mp.mpf(0)
        place = (x + bound) / (2 * bound) * len(heights)
        k = int(mp.floor(place))
        y = mp.fsum(heights[:k]) + heights[k] * (place - k)
        return 2 * bound * y - bound, mp.log(heights[k] * len(heights))

    return forward


def mobius(bijection, radius: float) -> Reference:
    centres = [mp.mpc(float(a), float(c)) for a, c in zip(*bijection.centers_raw, strict=True)]
    centres = [radius * c / mp.sqrt(1 + abs(c) ** 2) for c in centres]
    weights = softmax(bijection.weights_raw)

    def forward(x):
        turned = mp.fsum(w * mp.arg(1 - c * mp.expj(-x)) for w, c in zip(weights, centres, strict=True))
        slope = mp.fsum(w * (1 - abs(c) ** 2) / abs(mp.expj(x) - c) ** 2 for w, c in zip(weights, centres, strict=True))
        return wrapped(x + 2 * turned), mp.log(slope)

    return forward


def wrapped(angle):
    return angle - 2 * mp.pi * mp.floor((angle + mp.pi) / (2 * mp.pi))
