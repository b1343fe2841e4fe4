//! The page of `/metrics/drift`: counts by bin, in Prometheus' text format.
//!
//! Thousands of series whose labels never change: a registry would take half of a kilobyte for
//! each of them, and a scrape most of its time to copy them. Here a scrape writes them down.

use std::io::Write;

use super::metrics::BINS;
use super::reference::{Reference, Watched};
use super::tally::Tally;
use super::windows::Source;
use crate::metrics::{head, label_value};

const OUTSIDE: &str = "onnxd_feature_out_of_range_total";

/// About the length of a line, with room.
const LINE: usize = 160;

/// What a version shows: the labels of each feature that has room, but for those of its bins.
pub(super) struct Labels(Vec<String>);

/// One version and source on the page.
pub(super) struct Entry<'a> {
    pub(super) source: Source,
    pub(super) labels: &'a Labels,
    pub(super) reference: &'a Reference,
    pub(super) total: Tally,
}

impl Labels {
    pub(super) fn new(model: &str, version: &str, reference: &Reference) -> Self {
        let (model, version) = (label_value(model), label_value(version));
        let labels = |watched: &Watched| {
            let (feature, id) = (label_value(&watched.feature.name), &reference.id);
            format!(
                r#"feature="{feature}",model="{model}",reference="{id}",version="{version}"}} "#
            )
        };
        let shown = reference.shown.iter().map(|place| &reference.watched[*place]);
        Self(shown.map(labels).collect())
    }
}

impl<'a> Entry<'a> {
    /// Features that have room: each with its place, and its labels.
    fn features(&self) -> impl Iterator<Item = (usize, &'a Watched, &'a String)> + use<'a> {
        let (watched, labels) = (&self.reference.watched, self.labels.0.iter());
        let shown = self.reference.shown.iter().zip(labels);
        shown.map(|(place, labels)| (*place, &watched[*place], labels))
    }
}

/// The whole page.
pub(super) fn page(entries: &[Entry]) -> Vec<u8> {
    let bins =
        |entry: &Entry| entry.features().map(|(_, of, _)| of.binning.bins() + 1).sum::<usize>();
    let mut page = Vec::with_capacity(entries.iter().map(bins).sum::<usize>() * LINE);
    if entries.iter().all(|entry| entry.labels.0.is_empty()) {
        return page;
    }
    // Writing into memory cannot fail.
    let help = "Values by the bin of the reference that they fall into.";
    page.extend_from_slice(head(BINS, help, "counter").as_bytes());
    for entry in entries {
        let source = entry.source.as_str();
        for (_, watched, labels) in entry.features() {
            let counts = entry.total.counts.iter().skip(watched.first);
            for (bin, count) in (0..watched.binning.bins()).zip(counts) {
                let bin = watched.binning.name(bin);
                let _ = writeln!(page, r#"{BINS}{{bin="{bin}",source="{source}",{labels}{count}"#);
            }
        }
    }
    let help = "Numbers below the least or above the greatest of the reference.";
    page.extend_from_slice(head(OUTSIDE, help, "counter").as_bytes());
    for entry in entries {
        let source = entry.source.as_str();
        for (place, _, labels) in entry.features() {
            let count = entry.total.outside.get(place).copied().unwrap_or_default();
            let _ = writeln!(page, r#"{OUTSIDE}{{source="{source}",{labels}{count}"#);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::{Order, Survey};
    use crate::engine::{Dim, Signature, TensorSpec};
    use crate::tensor::{DataType, Shape, Tensor};

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let spec = TensorSpec {
            name: "a \"b\"\\\n".to_owned(),
            data_type: DataType::Fp32,
            dims: Some(vec![Dim::Unknown]),
            columns: None,
        };
        let signature = Signature { inputs: vec![spec], outputs: Vec::new() };
        let shape = Shape::new(vec![200]).unwrap();
        let inputs = [Tensor::new(shape, vec![1.0f32; 200].into()).unwrap()];
        let mut survey = Survey::new(&signature).unwrap();
        survey.add(&inputs, &[], 200);
        let mut census = survey.finish(Order::Any).unwrap();
        census.add(&inputs, &[], 200);
        let bytes = serde_json::to_vec(&census.finish("x").unwrap()).unwrap();
        let reference = Reference::parse(&bytes, "x", &signature).unwrap();
        let mut total = Tally::new(&reference);
        total.observe_inputs(&reference, &inputs);
        let labels = Labels::new("m", "1", &reference);
        let text =
            page(&[Entry { source: Source::Batch, labels: &labels, reference: &reference, total }]);
        let text = String::from_utf8(text).unwrap().replace(&reference.id, "ID");
        let labels = r#"feature="a \"b\"\\\n",model="m",reference="ID",version="1"}"#;
        let bins = [("0", 200), ("other", 0), ("missing", 0), ("-inf", 0), ("+inf", 0)];
        let lines = bins.map(|(bin, count)| {
            format!("{BINS}{{bin=\"{bin}\",source=\"batch\",{labels} {count}\n")
        });
        assert_eq!(
            text,
            format!(
                "# HELP {BINS} Values by the bin of the reference that they fall into.\n# TYPE {BINS} counter\n{}\
                 # HELP {OUTSIDE} Numbers below the least or above the greatest of the reference.\n# TYPE {OUTSIDE} counter\n\
                 {OUTSIDE}{{source=\"batch\",{labels} 0\n",
                lines.concat()
            )
        );
        assert_eq!(page(&[]), b"");
    }
}
