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
use super::sums::{self, Sha256Stream, Sums};

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
        return match asked.require_signatures {
            true => Err("signatures are required and no public key is configured".to_owned()),
            false => Ok(()),
        };
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
    let mut hash = Sha256Stream::default();
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
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => each(&buffer[..read]),
        }
    }
}
