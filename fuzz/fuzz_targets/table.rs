//! Files of rows as jobs and requests bring them. The first byte names the format. A panic in a
//! reader of another project is an error of the file, which `Pieces` catches; so the hook that would
//! abort is taken away, and only what is not caught ends the target.
#![no_main]

use std::io::Cursor;
use std::panic;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use onnxd::table::{Format, Kind, Origin, Packing, Pieces};

const PACKINGS: [Packing; 3] = [Packing::None, Packing::Gzip, Packing::Zstd];
/// Of a piece: small, so that files have several.
const ROWS: usize = 16;
/// Packed files of some kilobytes may have millions.
const MOST: u64 = 100_000;

static CAUGHT: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    CAUGHT.call_once(|| panic::set_hook(Box::new(|_| {})));
    let Some((first, bytes)) = data.split_first() else { return };
    let format = Format::ALL[usize::from(first % 4)];
    let packing = PACKINGS[usize::from(first / 4 % 3)];
    let Ok(kind) = (Kind { format, packing }).checked() else { return };
    let origin = Origin::Sequence(Box::new(Cursor::new(bytes.to_vec())), bytes.len() as u64);
    let Ok(mut pieces) = Pieces::open(kind, origin) else { return };
    let mut rows = 0;
    while let Ok(Some(piece)) = pieces.next(ROWS) {
        assert_eq!(piece.first, rows, "a row was left out");
        assert!(piece.rows > 0 && piece.rows <= ROWS);
        rows += piece.rows as u64;
        let cut = piece.rows;
        if let Ok(chunk) = piece.decode() {
            assert_eq!(chunk.rows(), cut);
        }
        if rows > MOST {
            return;
        }
    }
});
