//! What is read and what is written, in which order, by which shard: the same for the same job and
//! files, whoever asks and however often.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::check::check;
use super::error::Error;
use super::job::{Job, Shard};
use crate::store::{Found, Place, ReadAt, Stores};
use crate::table::{Format, Kind, Origin, Pieces, groups};

/// The name of the standard input and output.
pub(super) const STANDARD: &str = "-";

#[derive(Debug)]
pub struct Plan {
    pub(super) files: Vec<File>,
    pub(super) parts: Vec<Part>,
    pub(super) outputs: Vec<Target>,
    pub(super) kind: Kind,
    /// Files and row groups of all shards.
    pub(super) units: usize,
}

/// A file that is read.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// `None` for the standard input.
    pub(super) found: Option<Found>,
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What of a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) file: usize,
    /// Of Parquet, if it is not all.
    pub(super) groups: Option<Range<usize>>,
    /// Rows of the file before it.
    pub(super) first_row: u64,
    /// Of row groups.
    pub(super) rows: Option<u64>,
    pub(super) bytes: u64,
    pub(super) output: usize,
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// `None` for the standard output.
    pub(super) place: Option<Place>,
    pub(super) name: String,
    /// The name in the directory of all outputs.
    pub(super) relative: String,
}

impl Plan {
    /// # Errors
    /// What cannot be found, or makes no sense.
    pub fn new(job: &Job, stores: &Stores) -> Result<Self, Error> {
        let files = files(job, stores)?;
        let kind = job.output_kind().map_err(|reason| Error::Asked(format!("output: {reason}")))?;
        let mut units = Vec::new();
        for (place, file) in files.iter().enumerate() {
            units.extend(units_of(place, file, job, stores)?);
        }
        let count = units.len();
        let parts = shard(units, job.shard);
        let mut plan = Self { files, parts, outputs: Vec::new(), kind, units: count };
        plan.outputs = if job.is_by_file() { plan.by_file(job)? } else { vec![one(job)?] };
        check(&plan, job)?;
        Ok(plan)
    }

    /// Whether the standard input is read.
    pub(super) fn reads_standard(&self) -> bool {
        self.files.iter().any(|file| file.found.is_none())
    }

    /// Whether the standard output is written.
    pub(super) fn writes_standard(&self) -> bool {
        self.outputs.iter().any(|target| target.place.is_none())
    }

    /// What shows how the files are: the first part, or the first file if a shard has nothing to do.
    pub(super) fn first(&self) -> Option<Part> {
        let whole = |file: &File| {
            let bytes = file.found.as_ref().map_or(0, |found| found.bytes);
            Part { file: 0, groups: None, first_row: 0, rows: None, bytes, output: 0 }
        };
        self.parts.first().cloned().or_else(|| self.files.first().map(whole))
    }

    /// Of all parts.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Names of the files that are read.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Names of the files that are written, without that of rejects.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|target| target.name.as_str())
    }

    /// Opens a part at its beginning.
    pub(super) fn open(&self, part: &Part, stores: &Stores) -> Result<Pieces, Error> {
        let file = &self.files[part.file];
        let input = |reason| Error::Input { file: file.name.clone(), reason };
        let origin = origin(file, stores)?;
        let pieces = match &part.groups {
            Some(groups) => Pieces::open_groups(origin, groups.clone()),
            None => Pieces::open(file.kind, origin),
        };
        pieces.map_err(input)
    }

    /// An output for each file, named after it.
    fn by_file(&mut self, job: &Job) -> Result<Vec<Target>, Error> {
        let directory = Place::parse(&job.output).map_err(Error::Asked)?;
        let mut outputs: Vec<Target> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for part in &mut self.parts {
            let file = &self.files[part.file];
            let relative = file.found.as_ref().map_or("stdin.", |found| &found.relative);
            let relative = renamed(relative, self.kind);
            let place = directory.join(&relative).map_err(Error::Asked)?;
            let name = place.to_string();
            if let Some(other) = known.insert(name.clone(), part.file) {
                let (other, file) = (&self.files[other].name, &file.name);
                return Err(Error::Asked(format!("{other} and {file} would both become {name}")));
            }
            part.output = outputs.len();
            outputs.push(Target { place: Some(place), name, relative });
        }
        Ok(outputs)
    }
}

fn files(job: &Job, stores: &Stores) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for text in &job.input {
        if text == STANDARD {
            let kind = job.input_format.as_deref().map(Kind::parse).transpose();
            let kind = kind.map_err(Error::Asked)?.ok_or_else(|| {
                Error::Asked("the standard input has no name: say its format".to_owned())
            })?;
            files.push(File { found: None, name: STANDARD.to_owned(), kind });
            continue;
        }
        for found in stores.find(text)? {
            let name = found.place.to_string();
            let kind = job.input_kind(&name);
            let kind = kind.map_err(|reason| Error::Asked(format!("{name}: {reason}")))?;
            files.push(File { found: Some(found), name, kind });
        }
    }
    if files.is_empty() {
        return Err(Error::Asked("there is no input".to_owned()));
    }
    Ok(files)
}

fn origin(file: &File, stores: &Stores) -> Result<Origin, Error> {
    let Some(found) = &file.found else { return Ok(Origin::Stream(Box::new(std::io::stdin()))) };
    if file.kind.format == Format::Parquet {
        return Ok(Origin::File(opened(found, stores)?));
    }
    // Whose end can be seen, which says that it is whole.
    if file.kind.format == Format::Arrow && matches!(found.place, Place::Local(_)) {
        return Ok(Origin::File(opened(found, stores)?));
    }
    let sequence = stores.sequential(found, 0)?;
    Ok(Origin::Sequence(Box::new(sequence), found.bytes))
}

fn opened(found: &Found, stores: &Stores) -> Result<Arc<dyn ReadAt>, Error> {
    Ok(stores.open(found)?)
}

/// What a shard may have without the rest: a file, or a row group of one.
fn units_of(place: usize, file: &File, job: &Job, stores: &Stores) -> Result<Vec<Part>, Error> {
    let bytes = file.found.as_ref().map_or(0, |found| found.bytes);
    let whole = Part { file: place, groups: None, first_row: 0, rows: None, bytes, output: 0 };
    let splits = job.shard.is_some() && !job.is_by_file() && file.kind.format == Format::Parquet;
    let Some(found) = file.found.as_ref().filter(|_| splits) else { return Ok(vec![whole]) };
    let input = |reason| Error::Input { file: file.name.clone(), reason };
    let known = groups(opened(found, stores)?).map_err(input)?;
    let mut first_row = 0;
    let unit = |(at, group): (usize, &crate::table::Group)| {
        let groups = Some(at..at + 1);
        let rows = Some(group.rows);
        let part = Part { groups, first_row, rows, bytes: group.bytes, ..whole.clone() };
        first_row += group.rows;
        part
    };
    Ok(known.iter().enumerate().map(unit).collect())
}

/// The units of one shard: a stretch of about as many bytes as every other one has.
fn shard(units: Vec<Part>, shard: Option<Shard>) -> Vec<Part> {
    let Some(shard) = shard else { return units };
    let total: u128 = units.iter().map(|unit| u128::from(unit.bytes) + 1).sum();
    let mut before: u128 = 0;
    let mut parts: Vec<Part> = Vec::new();
    for unit in units {
        let bytes = u128::from(unit.bytes) + 1;
        let middle = before * 2 + bytes;
        before += bytes;
        if middle * u128::from(shard.of) / (total * 2) == u128::from(shard.index) {
            add(&mut parts, unit);
        }
    }
    parts
}

/// Row groups that follow each other are one part.
fn add(parts: &mut Vec<Part>, unit: Part) {
    if let Some(last) = parts.last_mut()
        && last.file == unit.file
        && let (Some(own), Some(next)) = (&mut last.groups, &unit.groups)
        && own.end == next.start
    {
        own.end = next.end;
        last.bytes += unit.bytes;
        last.rows = last.rows.zip(unit.rows).map(|(own, next)| own + next);
        return;
    }
    parts.push(unit);
}

/// The only output.
fn one(job: &Job) -> Result<Target, Error> {
    if job.output == STANDARD {
        return Ok(Target { place: None, name: STANDARD.to_owned(), relative: String::new() });
    }
    let name = job.shard.map_or_else(|| job.output.clone(), |shard| sharded(&job.output, shard));
    let place = Place::parse(&name).map_err(Error::Asked)?;
    let relative = split(&name).1.to_owned();
    Ok(Target { place: Some(place), name, relative })
}

/// The name of one shard's output: `a.csv.gz` becomes `a-00003-of-00008.csv.gz`.
pub(super) fn sharded(name: &str, shard: Shard) -> String {
    let (directory, file) = split(name);
    let (stem, extension) = file.find('.').map_or((file, ""), |point| file.split_at(point));
    format!("{directory}{stem}-{:05}-of-{:05}{extension}", shard.index, shard.of)
}

/// The directory of a name with its slash, and the rest.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |slash| slash + 1))
}

/// The name of an output after that of its input.
fn renamed(relative: &str, kind: Kind) -> String {
    let stem = [".gz", ".zst", ".zstd"].iter().find_map(|end| relative.strip_suffix(end));
    let stem = stem.unwrap_or(relative);
    let stem = match stem.rfind('.') {
        Some(point) if point > stem.rfind('/').map_or(0, |slash| slash + 1) => &stem[..point],
        _ => stem,
    };
    format!("{stem}{}", kind.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(file: usize, group: Option<usize>, bytes: u64) -> Part {
        let groups = group.map(|group| group..group + 1);
        Part { file, groups, first_row: 0, rows: None, bytes, output: 0 }
    }

    #[test]
    fn shards_have_every_unit_once_in_order_and_about_as_many_bytes() {
        let units: Vec<Part> = (0..40).map(|at| unit(at, None, 90 + at as u64 % 20)).collect();
        let parts = |index| shard(units.clone(), Some(Shard { index, of: 8 }));
        let all: Vec<Vec<Part>> = (0..8).map(parts).collect();
        let bytes = |parts: &Vec<Part>| parts.iter().map(|part| part.bytes).sum::<u64>();
        assert!(all.iter().all(|parts| (400..=600).contains(&bytes(parts))));
        assert_eq!(all.concat(), units);
    }

    #[test]
    fn row_groups_side_by_side_are_one_part() {
        let units: Vec<Part> = (0..4).map(|group| unit(0, Some(group), 100)).collect();
        let parts = shard(units, Some(Shard { index: 1, of: 2 }));
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].groups.clone(), parts[0].bytes), (Some(2..4), 200));
    }

    #[test]
    fn outputs_are_named_after_inputs_and_shards() {
        let kind = Kind::parse("csv.zst").unwrap();
        assert_eq!(renamed("2013/a.b.csv.gz", kind), "2013/a.b.csv.zst");
        assert_eq!(renamed(".hidden", kind), ".hidden.csv.zst");
        let shard = Shard { index: 3, of: 8 };
        assert_eq!(sharded("s3://b.c/a.csv.gz", shard), "s3://b.c/a-00003-of-00008.csv.gz");
        assert_eq!((split("s3://b/c.csv"), split("c")), (("s3://b/", "c.csv"), ("", "c")));
    }
}
