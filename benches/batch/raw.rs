//! The plan and nothing else: tensors of all rows lie in memory, cut as the plan likes them best.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use onnxd::batch::Model as _;
use onnxd::store::Stores;
use onnxd::table::{Kind, Origin, Pieces, Rows};
use onnxd::tensor::Tensor;

use crate::Cost;
use crate::local::Flights;

/// Sizes that are tried.
pub(crate) const SIZES: [usize; 7] = [128, 256, 512, 1024, 2048, 4096, 8192];

pub(crate) struct Prepared {
    /// For each size.
    slices: [Vec<Vec<Tensor>>; SIZES.len()],
    rows: usize,
}

impl Prepared {
    pub(crate) fn new(model: &Flights, file: &Path) -> Self {
        let slices = SIZES.map(|size| read(model, file, size));
        let rows_of = |inputs: &Vec<Tensor>| inputs.first().and_then(Tensor::rows).unwrap_or(0);
        let rows = slices[0].iter().map(rows_of).sum();
        Self { slices, rows }
    }

    /// All rows once at each size, in the order of the sizes.
    pub(crate) fn run(&self, model: &Flights, threads: usize) -> Vec<Cost> {
        let of = |slices: &[Vec<Tensor>]| {
            let next = AtomicUsize::new(0);
            Cost::of(self.rows as u64, || {
                thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| {
                            while let Some(inputs) =
                                slices.get(next.fetch_add(1, Ordering::Relaxed))
                            {
                                std::hint::black_box(model.plan(inputs));
                            }
                        });
                    }
                });
            })
        };
        self.slices.iter().map(|slices| of(slices)).collect()
    }
}

/// The inputs of so many rows at once, as a job makes them of the file.
fn read(model: &Flights, file: &Path, size: usize) -> Vec<Vec<Tensor>> {
    let kind = Kind::of_name("a.csv").expect("CSV");
    let stores = Stores::new();
    let found = stores.find(&file.display().to_string()).expect("the flights");
    let origin = Origin::File(stores.open(&found[0]).expect("the flights"));
    let mut pieces = Pieces::open(kind, origin).expect("the flights");
    let columns = pieces.columns().to_vec();
    let reader = Rows::new(model.signature(), &columns, &[]).expect("columns are inputs");
    let (mut slices, mut wrong) = (Vec::new(), Vec::new());
    while let Some(piece) = pieces.next(size).expect("rows") {
        let chunk = piece.decode().expect("cells");
        slices.push(reader.read(&chunk, &mut wrong).expect("inputs"));
    }
    slices
}
