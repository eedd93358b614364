"""Writes intervals.json: intervals of means, differences and ratios that `src/stats` is tested against.

    python3 intervals.py > intervals.json

Made with scipy 1.17.1 and numpy 2. Student's and Welch's intervals are scipy's own. scipy has no interval of a ratio, so
Fieller's is found here by its definition, not by its formula: the ends are the ratios r at which a test of a - r b = 0
by Welch's statistic, with the degrees of freedom at the ratio of the means, has a p-value of 5 %.
"""

import json

import numpy as np
from scipy import optimize, stats

SAMPLES = {
    "close": [0.712, 0.728, 0.705],
    "far": [0.934, 0.941, 0.938, 0.929, 0.944],
    "wide": [0.02, 0.31, 0.18, 0.09],
    "growing": [12.5, 19.0, 3.25, 27.75],
    "negative": [-3.5, -2.25, -4.0],
}


def mean(values):
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    return [float(np.mean(values)), float(interval.low), float(interval.high)]


def difference(a, b):
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return [float(np.mean(a) - np.mean(b)), float(interval.low), float(interval.high)]


def ratio(a, b):
    """The ratio of the means and the ends of its interval, or None where that is not bounded."""
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    center = np.mean(a) / np.mean(b)
    of_a, of_b = va, center**2 * vb
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))

    def excess(r):
        statistic = abs(np.mean(a) - r * np.mean(b)) / np.sqrt(va + r**2 * vb)
        return 2 * stats.t.sf(statistic, freedom) - 0.05

    if abs(np.mean(b)) / np.sqrt(vb) <= stats.t.isf(0.025, freedom):
        return None
    ends = []
    for direction in (-1, 1):
        step = max(abs(center), 1.0)
        while excess(center + direction * step) > 0:
            step *= 2
        ends.append(optimize.brentq(excess, center, center + direction * step, xtol=1e-14, rtol=1e-14))
    return [float(center), *sorted(map(float, ends))]


names = list(SAMPLES)
pairs = [(a, b) for a in names for b in names if a != b]
print(
    json.dumps(
        {
            "samples": SAMPLES,
            "means": {name: mean(SAMPLES[name]) for name in names},
            "differences": [[a, b, difference(SAMPLES[a], SAMPLES[b])] for a, b in pairs],
            "ratios": [[a, b, ratio(SAMPLES[a], SAMPLES[b])] for a, b in pairs],
        },
        indent=1,
    )
)
