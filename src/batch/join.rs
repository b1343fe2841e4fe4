//! The outputs of all shards as one file, bytes as they are: rows are neither read nor written
//! anew.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};

use super::error::Error;
use super::manifest::Written;
use super::merge::Merged;
use super::run::Output;
use crate::store::{Found, Place, Stores, directory_of};
use crate::table::{Joined, Kind};

impl Merged {
    /// Puts outputs together, and rejects beside them.
    ///
    /// # Errors
    /// Shards are incomplete or of other columns, or the file cannot be written.
    pub fn join(&self, stores: &Stores, name: &str) -> Result<Vec<Output>, Error> {
        let mut outputs = vec![join(stores, &self.outputs, name)?];
        if let Some((_, first)) = self.rejects.first() {
            let kind = kind(&first.name)?;
            let name = format!("{name}.rejects{}", kind.extension());
            outputs.push(join(stores, &self.rejects, &name)?);
        }
        Ok(outputs)
    }
}

fn kind(name: &str) -> Result<Kind, Error> {
    Kind::of_name(name).map_err(|reason| Error::Asked(format!("{name}: {reason}")))
}

fn join(stores: &Stores, files: &[(Found, Written)], name: &str) -> Result<Output, Error> {
    let place = Place::parse(name).map_err(Error::Asked)?;
    let wanted = kind(name)?;
    if let Some((first, _)) = files.first()
        && let Ok(own) = Kind::of_name(&first.place.to_string())
        && own != wanted
    {
        let (own, wanted) = (own.extension(), wanted.extension());
        return Err(Error::Asked(format!("{name}: shards are {own}, and cannot become {wanted}")));
    }
    let failed =
        |error: io::Error| Error::Output { file: name.to_owned(), reason: error.to_string() };
    let directory = scratch(&place).map_err(failed)?;
    let path = directory.path().join("joined.part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).map_err(failed)?);
    let mut joined = Joined::new(wanted.format);
    for (found, written) in files {
        let input = |reason| Error::Input { file: found.place.to_string(), reason };
        let range = joined.add(stores.open(found)?.as_ref(), written.head).map_err(input)?;
        let rest = stores.sequential(found, range.start)?;
        let length = range.end - range.start;
        let copied = io::copy(&mut rest.take(length), &mut out).map_err(failed)?;
        if copied != length {
            return Err(input(format!("{copied} bytes came, expected {length}")));
        }
    }
    let tail = joined.tail().map_err(|error| failed(io::Error::other(error)))?;
    out.write_all(&tail).and_then(|()| out.flush()).map_err(failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_data().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    drop(file);
    stores.publish(&path, &place)?;
    Ok(Output { name: name.to_owned(), bytes })
}

/// A directory of its own, beside a local file so that it only needs its name.
fn scratch(place: &Place) -> io::Result<tempfile::TempDir> {
    let Place::Local(path) = place else { return tempfile::tempdir() };
    let parent = directory_of(path);
    fs::create_dir_all(parent)?;
    tempfile::Builder::new().prefix(".onnxd-merge-").tempdir_in(parent)
}
