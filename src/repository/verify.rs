//! Whether a version's files are those that somebody published: digests of `SHA256SUMS`,
//! and signatures made with minisign.
//!
//! A signature of `model.onnx` says nothing about weights in other files, so where
//! signatures are required such a version needs a signed `SHA256SUMS`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use super::VersionFiles;
use super::sums::{self, Sums};
use crate::{courtesy, digest};

/// Signatures of the older kind cover the file itself, which must be in memory for them.
const MAX_LEGACY_BYTES: u64 = 1 << 30;

/// A signature is four lines.
const MAX_SIGNATURE_BYTES: u64 = 16 * 1024;

/// What is demanded of a version's files.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Signatures that are there must be made with this key.
    pub public_key: Option<PublicKey>,
    /// Versions without a signature are refused.
    pub require_signatures: bool,
}

impl Verification {
    /// Reads a public key: its base64 text, the text of a `.pub` file, or the name of one.
    ///
    /// # Errors
    /// The text of what was expected.
    pub fn key(text: &str) -> Result<PublicKey, String> {
        if let Ok(key) = PublicKey::from_base64(text.trim()).or_else(|_| PublicKey::decode(text)) {
            return Ok(key);
        }
        let file = fs::read_to_string(text)
            .map_err(|error| format!("'{text}' is no minisign key and no file: {error}"))?;
        PublicKey::decode(&file)
            .or_else(|_| PublicKey::from_base64(file.trim()))
            .map_err(|_| format!("the file '{text}' holds no minisign public key"))
    }
}

/// Checks all that is demanded, and gives the digest of the model file in hexadecimal.
///
/// # Errors
/// The reason, fit for callers.
pub fn verify(files: &VersionFiles, verification: &Verification) -> Result<String, String> {
    let model = name_of(&files.model_file);
    let mut digests = BTreeMap::new();
    digests.insert(model.clone(), digest(&files.model_file, &model)?);
    if let Some(file) = files.file(sums::FILE) {
        let text = fs::read_to_string(&file).map_err(|error| unreadable(sums::FILE, &error))?;
        let listed = Sums::parse(&text)?;
        // Beside other models a listing speaks of their files too.
        let listed = if files.shared { listed.only(&files.names) } else { listed };
        for name in listed.names().filter(|name| **name != model) {
            if let Some(path) = files.file(name) {
                digests.insert(name.clone(), digest(&path, name)?);
            }
        }
        listed.check(&digests, &files.names)?;
    }
    signatures(files, &model, verification)?;
    Ok(digests.remove(&model).unwrap_or_default())
}

fn signatures(files: &VersionFiles, model: &str, asked: &Verification) -> Result<(), String> {
    let Some(key) = &asked.public_key else {
        if asked.require_signatures {
            return Err("signatures are required and no public key is configured".to_owned());
        }
        return Ok(());
    };
    let mut signed = Vec::new();
    for name in [model, sums::FILE] {
        let signature = format!("{name}.minisig");
        if let (Some(file), Some(signature_file)) = (files.file(name), files.file(&signature)) {
            check_signature(&file, &signature_file, key)
                .map_err(|reason| format!("{signature}: {reason}"))?;
            signed.push(name);
        }
    }
    if !asked.require_signatures || signed.contains(&sums::FILE) {
        return Ok(());
    }
    if !signed.contains(&model) {
        return Err(format!("{model}.minisig is missing, and signatures are required"));
    }
    match files.names.iter().find(|name| *name != model && sums::must_be_named(name)) {
        Some(other) => Err(format!(
            "{model}.minisig does not cover {other}; SHA256SUMS and SHA256SUMS.minisig are required"
        )),
        None => Ok(()),
    }
}

fn check_signature(file: &Path, signature: &Path, key: &PublicKey) -> Result<(), String> {
    let unreadable = |_| "cannot be read".to_owned();
    if fs::metadata(signature).map_err(unreadable)?.len() > MAX_SIGNATURE_BYTES {
        return Err("this is no minisign signature".to_owned());
    }
    let text = fs::read_to_string(signature).map_err(unreadable)?;
    let signature =
        Signature::decode(&text).map_err(|_| "this is no minisign signature".to_owned())?;
    match key.verify_stream(&signature) {
        Ok(mut stream) => {
            read(file, |bytes| stream.update(bytes)).map_err(|error| error.to_string())?;
            stream.finalize()
        }
        Err(minisign_verify::Error::UnsupportedLegacyMode) => {
            if fs::metadata(file).map_err(unreadable)?.len() > MAX_LEGACY_BYTES {
                return Err("a file above 1 GiB needs a prehashed signature".to_owned());
            }
            let bytes = fs::read(file).map_err(unreadable)?;
            key.verify(&bytes, &signature, true)
        }
        Err(other) => Err(other),
    }
    .map_err(|error| match error {
        minisign_verify::Error::UnexpectedKeyId => "made with another key".to_owned(),
        _ => "the signature does not match".to_owned(),
    })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn digest(path: &Path, name: &str) -> Result<String, String> {
    let mut hash = digest::Stream::default();
    read(path, |bytes| hash.update(bytes)).map_err(|error| unreadable(name, &error))?;
    Ok(hash.hex())
}

fn unreadable(name: &str, error: &std::io::Error) -> String {
    format!("cannot read {name}: {error}")
}

fn read(path: &Path, mut each: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        courtesy::point();
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => each(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A key pair made once with the minisign format; the signatures are of the text "test".
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const OTHER_KEY: &str = "RWQf6LRCGA9i6HmlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";
    const TEST_DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn demand(key: &str, require_signatures: bool) -> Verification {
        Verification { public_key: Some(Verification::key(key).unwrap()), require_signatures }
    }

    fn check(files: &[(&str, &str)], demanded: &Verification) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let mut names = BTreeSet::new();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
            names.insert((*name).to_owned());
        }
        let model_file = directory.path().join("model.onnx");
        let files = VersionFiles { model_file, names, ..VersionFiles::default() };
        verify(&files, demanded)
    }

    #[test]
    fn without_demands_the_digest_of_the_model_file_is_given() {
        let found = check(&[("model.onnx", "test")], &Verification::default());
        assert_eq!(found, Ok(TEST_DIGEST.to_owned()));
    }

    #[test]
    fn a_listing_that_is_there_is_enforced() {
        let sums = format!("{TEST_DIGEST}  model.onnx\n");
        let files = [("model.onnx", "test"), ("SHA256SUMS", &sums)];
        assert!(check(&files, &Verification::default()).is_ok());
        let files = [("model.onnx", "other"), ("SHA256SUMS", &sums)];
        let error = check(&files, &Verification::default()).unwrap_err();
        assert!(error.starts_with("SHA256SUMS says 9f86"), "{error}");
        let files = [("model.onnx", "test"), ("SHA256SUMS", &sums), ("weights.bin", "w")];
        let error = check(&files, &Verification::default()).unwrap_err();
        assert_eq!(error, "SHA256SUMS does not name weights.bin");
    }

    #[test]
    fn signatures_are_checked_if_there_is_a_key_and_demanded_if_told_so() {
        let signed = [("model.onnx", "test"), ("model.onnx.minisig", SIGNATURE)];
        assert!(check(&signed, &demand(KEY, true)).is_ok());
        let forged = [("model.onnx", "other"), ("model.onnx.minisig", SIGNATURE)];
        let error = check(&forged, &demand(KEY, false)).unwrap_err();
        assert_eq!(error, "model.onnx.minisig: the signature does not match");
        let unsigned = [("model.onnx", "test")];
        assert!(check(&unsigned, &demand(KEY, false)).is_ok());
        let error = check(&unsigned, &demand(KEY, true)).unwrap_err();
        assert_eq!(error, "model.onnx.minisig is missing, and signatures are required");
        let error = check(&signed, &demand(OTHER_KEY, false)).unwrap_err();
        assert_eq!(error, "model.onnx.minisig: made with another key");
    }

    #[test]
    fn a_signed_model_file_does_not_vouch_for_weights_in_another_file() {
        let files =
            [("model.onnx", "test"), ("model.onnx.minisig", SIGNATURE), ("weights.bin", "w")];
        let error = check(&files, &demand(KEY, true)).unwrap_err();
        assert!(error.starts_with("model.onnx.minisig does not cover weights.bin"), "{error}");
    }
}
