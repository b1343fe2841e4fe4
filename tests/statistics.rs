//! The statistics agree with scipy, evidently and nannyml, given the same bins.
//!
//! `tests/statistics/make.py` wrote what they gave, and says which convention each follows.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::collections::BTreeMap;

use onnxd::stats::counts::{self, Alpha, Homogeneity};
use onnxd::stats::{Edges, Mass, divergence, samples, wasserstein_bins};
use serde::Deserialize;

/// Of numbers up to 1 absolute, of greater ones relative: a double has no more digits.
const TOLERANCE: f64 = 1e-12;
const P_TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixture {
    counts: Vec<CountCase>,
    samples: Vec<SampleCase>,
    columns: Vec<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountCase {
    r: Vec<u64>,
    c: Vec<u64>,
    alpha: f64,
    psi: f64,
    jensen_shannon: f64,
    hellinger: f64,
    l_infinity: f64,
    kolmogorov_smirnov: f64,
    chi_squared: ChiSquared,
    expected_psi: f64,
    critical_psi: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChiSquared {
    statistic: f64,
    freedom: usize,
    p: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleCase {
    r: Vec<f64>,
    c: Vec<f64>,
    kolmogorov_smirnov: f64,
    wasserstein: f64,
    /// Not where evidently would divide by a number of its own.
    wasserstein_normalised: Option<f64>,
    edges: Vec<f64>,
    r_counts: Vec<u64>,
    c_counts: Vec<u64>,
    wasserstein_bins: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    bins: String,
    #[serde(default)]
    r: Vec<u64>,
    #[serde(default)]
    c: Vec<u64>,
    #[serde(default)]
    r_sums: Vec<f64>,
    #[serde(default)]
    c_sums: Vec<f64>,
    /// In place of counts.
    #[serde(default)]
    r_shares: Vec<f64>,
    #[serde(default)]
    c_shares: Vec<f64>,
    /// What a tool gives, by its name and that of the statistic.
    claims: BTreeMap<String, f64>,
}

fn fixture() -> Fixture {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/statistics.json");
    let text = std::fs::read_to_string(path).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is what make.py writes")
}

/// Fails if `found` is further from `known` than the tolerance.
fn near(what: &str, found: Option<f64>, known: f64) {
    let found = found.unwrap_or(f64::NAN);
    let off = (found - known).abs() / known.abs().max(1.0);
    assert!(off <= TOLERANCE, "{what}: {found}, expected {known}, off by {off:e}");
}

fn near_chi_squared(what: &str, found: Option<Homogeneity>, known: &ChiSquared) {
    near(what, found.map(|test| test.statistic), known.statistic);
    assert_eq!(found.map(|test| test.degrees_of_freedom), Some(known.freedom), "{what}");
    let off = found.map_or(f64::NAN, |test| (test.p_value - known.p).abs());
    assert!(off <= P_TOLERANCE, "{what}: p off by {off:e}");
}

#[test]
fn statistics_of_counts_are_those_of_numpy_and_scipy() {
    let cases = fixture().counts;
    assert!(cases.len() >= 200);
    for (at, case) in cases.iter().enumerate() {
        let share = |counts| counts::proportions(counts).expect("a side has rows");
        let (r, c) = (share(&case.r), share(&case.c));
        let (n, m) = (case.r.iter().sum(), case.c.iter().sum());
        let alpha = Alpha::try_from(case.alpha).expect("a probability");
        let near = |what: &str, found, known| near(&format!("{what} of counts {at}"), found, known);
        near("psi", counts::psi(&case.r, &case.c), case.psi);
        near("jensen_shannon", divergence::jensen_shannon(&r, &c), case.jensen_shannon);
        near("hellinger", divergence::hellinger(&r, &c), case.hellinger);
        near("l_infinity", divergence::l_infinity(&r, &c), case.l_infinity);
        let found = divergence::kolmogorov_smirnov(&r, &c);
        near("kolmogorov_smirnov", found, case.kolmogorov_smirnov);
        near("expected_psi", counts::expected_psi(r.len(), n, m), case.expected_psi);
        near("critical_psi", counts::critical_psi(r.len(), n, m, alpha), case.critical_psi);
        let found = counts::chi_squared(&case.r, &case.c);
        near_chi_squared(&format!("chi_squared of counts {at}"), found, &case.chi_squared);
    }
}

#[test]
fn statistics_of_samples_and_of_their_bins_are_those_of_scipy_and_evidently() {
    let cases = fixture().samples;
    assert!(cases.len() >= 50);
    assert!(cases.iter().filter(|case| case.wasserstein_normalised.is_some()).count() >= 40);
    for (at, case) in cases.into_iter().enumerate() {
        let near = |what: &str, found, known| near(&format!("{what} of sample {at}"), found, known);
        let found = samples::kolmogorov_smirnov(&case.r, &case.c);
        near("kolmogorov_smirnov", found, case.kolmogorov_smirnov);
        near("wasserstein", samples::wasserstein(&case.r, &case.c), case.wasserstein);
        if let Some(known) = case.wasserstein_normalised {
            let found = samples::wasserstein_normalised(&case.r, &case.c);
            near("wasserstein_normalised", found, known);
        }
        let edges = Edges::try_from(case.edges).expect("edges that increase");
        let (r, c) = (edges.masses(case.r), edges.masses(case.c));
        let counted = |masses: &[Mass]| masses.iter().map(|mass| mass.count).collect::<Vec<u64>>();
        assert_eq!((counted(&r), counted(&c)), (case.r_counts, case.c_counts), "bins of {at}");
        near("wasserstein_bins", wasserstein_bins(&r, &c), case.wasserstein_bins);
    }
}

impl Column {
    fn shares(&self) -> (Vec<f64>, Vec<f64>) {
        let share = |counts: &[u64], shares: &[f64]| {
            counts::proportions(counts).unwrap_or_else(|| shares.to_vec())
        };
        (share(&self.r, &self.r_shares), share(&self.c, &self.c_shares))
    }

    fn masses(&self) -> (Vec<Mass>, Vec<Mass>) {
        let masses = |counts: &[u64], sums: &[f64]| {
            counts.iter().zip(sums).map(|(&count, &sum)| Mass { count, sum }).collect()
        };
        (masses(&self.r, &self.r_sums), masses(&self.c, &self.c_sums))
    }

    /// One value a row: the mean of its bin.
    fn rows(&self) -> (Vec<f64>, Vec<f64>) {
        let rows = |masses: Vec<Mass>| {
            let row = |mass: Mass| {
                std::iter::repeat_n(mean(mass), usize::try_from(mass.count).expect("fits"))
            };
            masses.into_iter().flat_map(row).collect()
        };
        let (r, c) = self.masses();
        (rows(r), rows(c))
    }

    fn statistic(&self, name: &str) -> Option<f64> {
        let (r, c) = self.shares();
        match name {
            "psi" => divergence::psi(&r, &c),
            "jensen_shannon" => divergence::jensen_shannon(&r, &c),
            "hellinger" => divergence::hellinger(&r, &c),
            "l_infinity" => divergence::l_infinity(&r, &c),
            "chi2" => counts::chi_squared(&self.r, &self.c).map(|test| test.statistic),
            "wasserstein" => {
                let (r, c) = self.masses();
                wasserstein_bins(&r, &c)
            }
            "wasserstein_normalised" => {
                let (r, c) = self.rows();
                samples::wasserstein_normalised(&r, &c)
            }
            _ => None,
        }
    }
}

#[test]
fn statistics_of_real_columns_are_those_of_evidently_and_nannyml() {
    let columns = fixture().columns;
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    for column in &columns {
        for (claim, &known) in &column.claims {
            let (tool, name) = claim.split_once('.').expect("a tool and a statistic");
            let what = format!("{tool}'s {name} of {} in {} bins", column.name, column.bins);
            near(&what, column.statistic(name), known);
            *checked.entry(claim.clone()).or_default() += 1;
        }
    }
    for data in ["flights.", "weather.", "car_loan.", "employment."] {
        assert!(columns.iter().any(|column| column.name.starts_with(data)), "{data}");
    }
    for (claim, least) in LEAST {
        let checked = checked.get(claim).copied().unwrap_or_default();
        assert!(checked >= least, "{claim}: {checked} checked");
    }
}

/// So many columns at least have been compared with each.
const LEAST: [(&str, usize); 9] = [
    ("nannyml.jensen_shannon", 30),
    ("nannyml.hellinger", 30),
    ("nannyml.l_infinity", 20),
    ("nannyml.chi2", 20),
    ("nannyml.wasserstein", 10),
    ("evidently.psi", 20),
    ("evidently.jensen_shannon", 20),
    ("evidently.hellinger", 20),
    ("evidently.wasserstein_normalised", 10),
];

#[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
fn mean(mass: Mass) -> f64 {
    mass.sum / mass.count as f64
}
