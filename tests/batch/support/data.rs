//! Rows of flights as the model of this repository takes them, and packed texts.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

/// CSV with a header. Where `spoil` says so, the hour is that of no day.
pub fn flights(rows: usize, spoil: impl Fn(usize) -> bool) -> String {
    let mut text = "id,carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,\
                    pressure,visib\n"
        .to_owned();
    for row in 0..rows {
        let carrier = ["UA", "AA", "B6", "DL"][row % 4];
        let origin = ["EWR", "LGA", "JFK"][row % 3];
        let dest = ["IAH", "MIA", "ORD", "ATL", "BOS"][row % 5];
        let hour = if spoil(row) { 77 } else { row % 24 };
        let (weekday, distance, temp) = (row % 7 + 1, 200 + row % 2000, 30 + row % 61);
        let (humid, wind, visib) = (row % 100, row % 30, row % 11);
        let pressure = 1000 + row % 40;
        let written = writeln!(
            text,
            "{row},{carrier},{origin},{dest},{weekday},{hour},{distance},{temp}.5,{humid},\
             {wind},0.0,{pressure},{visib}"
        );
        written.expect("memory suffices");
    }
    text
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory suffices");
    encoder.finish().expect("memory suffices")
}

pub fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).expect("memory suffices")
}

/// The text of a file, by its name.
pub fn unzipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let read = match name.rsplit_once('.') {
        Some((_, "gz")) => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text),
        Some((_, "zst")) => zstd::stream::read::Decoder::new(bytes)
            .and_then(|mut decoder| decoder.read_to_end(&mut text)),
        _ => return bytes.to_vec(),
    };
    read.unwrap_or_else(|error| panic!("{name}: {error}"));
    text
}
