"""Writes over_seeds.json: intervals and tests that `src/stats` is tested against.

    python3 over_seeds.py > over_seeds.json

Made with scipy 1.17.1, statsmodels 0.15 and numpy 2, from 50 random pairs of samples. Where the samples differ in
length, the first numbers of both are the pairs. The bootstrap is scipy's, given the means of all ways to draw. scipy has
no interval of a ratio, so Fieller's is found here by its definition, not by its formula: the ends are the ratios r at
which a test of a - r b = 0 by Welch's statistic, with the degrees of freedom at the ratio of the means, has a p-value of
5 %.
"""

import itertools
import json

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests


def hedges(freedom):
    return np.exp(special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)


def detectable(freedom):
    # The square of a noncentral t. scipy's own noncentral t is not a number for some of the values.
    critical = stats.t.isf(0.025, freedom) ** 2
    missed = lambda shift: stats.ncf.cdf(critical, 1, freedom, shift**2)
    return optimize.brentq(lambda shift: missed(shift) - 0.2, 0.1, 30, xtol=1e-13, rtol=1e-14)


def bootstrap(samples):
    means = [[np.mean(draw) for draw in itertools.product(sample, repeat=len(sample))] for sample in samples]
    # Rounded, so that equal means are equal.
    sums = np.array([round(float(np.subtract.reduce(draw)), 12) for draw in itertools.product(*means)])
    statistic = lambda *data, axis=-1: np.round(np.subtract.reduce([np.mean(one, axis=axis) for one in data]), 12)
    given = stats._resampling.BootstrapResult(confidence_interval=None, bootstrap_distribution=sums, standard_error=0)
    found = stats.bootstrap(samples, statistic, n_resamples=0, bootstrap_result=given, method="BCa", vectorized=True)
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


def ratio(a, b):
    """The ends of the interval of the ratio of the means, or None where it is not bounded."""
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
    return sorted(ends)


def case(generator, index):
    sizes = generator.integers(3, [13, 8] if index % 2 else [5, 4])
    spread = generator.uniform(0.01, 1)
    a, b = (np.round(generator.normal(generator.normal(0, 0.5), spread, size), 4).tolist() for size in sizes)
    pairs = min(sizes)
    differences = np.subtract(a[:pairs], b[:pairs])
    margin = round(float(spread), 2)
    mean = stats.ttest_1samp(a, 0.0).confidence_interval(0.95)
    paired, welch = stats.ttest_rel(a[:pairs], b[:pairs]), stats.ttest_ind(a, b, equal_var=False)
    variances = [np.var(a, ddof=1), np.var(b, ddof=1)]
    freedoms = [len(a) - 1, len(b) - 1]
    pooled = np.sqrt(np.dot(variances, freedoms) / sum(freedoms))
    error = np.sqrt(variances[0] / len(a) + variances[1] / len(b))
    permutation = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )

    def both(alternative):
        return {
            "paired": stats.ttest_1samp(
                differences, -margin if alternative == "greater" else margin, alternative=alternative
            ).pvalue,
            "welch": stats.ttest_ind(
                np.add(a, margin if alternative == "greater" else -margin), b, equal_var=False, alternative=alternative
            ).pvalue,
        }

    above, below = both("greater"), both("less")
    found = {
        "a": a,
        "b": b,
        "margin": margin,
        "mean": [np.mean(a), *mean],
        "median": np.median(a),
        # The difference, the interval, p, the effect size, the two one-sided p-values, the detectable difference.
        "paired": [
            np.mean(differences),
            *paired.confidence_interval(0.95),
            paired.pvalue,
            np.mean(differences) / np.std(differences, ddof=1) * hedges(pairs - 1),
            above["paired"],
            below["paired"],
            detectable(pairs - 1) * stats.sem(differences),
        ],
        "welch": [
            np.mean(a) - np.mean(b),
            *welch.confidence_interval(0.95),
            welch.pvalue,
            (np.mean(a) - np.mean(b)) / pooled * hedges(sum(freedoms)),
            above["welch"],
            below["welch"],
            detectable(welch.df) * error,
        ],
        "permutation": permutation.pvalue,
    }
    if ends := ratio(a, b):
        found["ratio"] = ends
    if np.prod([float(size) ** size for size in sizes]) <= 10_000:
        found["bootstrap"] = bootstrap([a, b])
    elif len(a) <= 5:
        found["bootstrap"] = bootstrap([a])
    return {key: np.round(value, 11).tolist() if key not in "ab" else value for key, value in found.items()}


generator = np.random.default_rng(14)
cases = [case(generator, index) for index in range(50)]
p = [sorted(np.round(generator.uniform(0, 0.2, size) ** 2, 5)) for size in (1, 3, 8, 28)]
p = [generator.permutation(one).tolist() for one in p]
holm = [[one, np.round(multipletests(one, method="holm")[1], 11).tolist()] for one in p]
rows = ",\n".join(json.dumps(one) for one in cases)
print(f'{{"cases": [\n{rows}\n],\n"holm": {json.dumps(holm)}}}')
