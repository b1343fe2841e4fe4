//! Which places a job may read and write. Whoever can reach the server could else have it read any
//! file that it can read, and replace any that it can write.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::batch::Job;

/// What URLs may begin with.
const SCHEMES: [&str; 5] = ["s3", "gs", "az", "http", "https"];

/// Characters of patterns of files.
const WILDCARDS: [char; 3] = ['*', '?', '['];

#[derive(Debug, Clone)]
pub(super) struct Allowed {
    /// Without links in it.
    root: Option<PathBuf>,
    /// Each ends with `/`.
    prefixes: Vec<String>,
}

/// A URL below which jobs may read and write, with `/` at its end.
///
/// # Errors
/// It is none.
pub fn prefix(text: &str) -> Result<String, String> {
    let wrong = |reason: &str| {
        Err(format!(
            "'{text}' is no prefix of URLs: {reason}, expected for example s3://bucket/in/"
        ))
    };
    let Some((scheme, rest)) = text.split_once("://") else { return wrong("it has no scheme") };
    if scheme == "file" {
        return wrong("directories are named with job-root");
    }
    if !SCHEMES.contains(&scheme) {
        return wrong("its scheme is not known");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(WILDCARDS) || rest.contains(['@', '#']) {
        return wrong("it has characters that mean something else");
    }
    if rest.split('/').any(leads_elsewhere) {
        return wrong("it has an empty part, '.' or '..'");
    }
    Ok(format!("{scheme}://{rest}/"))
}

impl Allowed {
    /// # Errors
    /// The directory cannot be used.
    pub(super) fn new(root: Option<&Path>, prefixes: &[String]) -> Result<Self, String> {
        let canonical = |root: &Path| {
            let found = fs::canonicalize(root);
            let found = found.map_err(|error| format!("job-root {}: {error}", root.display()))?;
            if found.is_dir() {
                Ok(found)
            } else {
                Err(format!("job-root {} is no directory", root.display()))
            }
        };
        Ok(Self { root: root.map(canonical).transpose()?, prefixes: prefixes.to_vec() })
    }

    /// The job with its places as they are found: relative paths lie in the directory of jobs.
    ///
    /// # Errors
    /// The place that it may not have.
    pub(super) fn job(&self, job: &Job) -> Result<Job, String> {
        let input: Result<Vec<_>, _> = job.input.iter().map(|text| self.input(text)).collect();
        let rejects = job.rejects.as_deref().map(|text| self.output(text)).transpose()?;
        Ok(Job { input: input?, output: self.output(&job.output)?, rejects, ..job.clone() })
    }

    fn input(&self, text: &str) -> Result<String, String> {
        let Some(path) = self.local(text)? else { return self.remote(text) };
        let is_pattern =
            |part: Component<'_>| part.as_os_str().to_string_lossy().contains(WILDCARDS);
        let fixed: PathBuf = path.components().take_while(|part| !is_pattern(*part)).collect();
        let rest: Vec<Component<'_>> =
            path.components().skip_while(|part| !is_pattern(*part)).collect();
        if rest.contains(&Component::ParentDir) {
            return Err(format!("'{text}': '..' stands behind a wildcard"));
        }
        let fixed = self.within(&fixed, text)?;
        // What is a name there must not be taken for a pattern.
        let mut whole = glob::Pattern::escape(&fixed);
        for part in rest {
            whole =
                format!("{}/{}", whole.trim_end_matches('/'), part.as_os_str().to_string_lossy());
        }
        Ok(with_end_of(text, whole))
    }

    fn output(&self, text: &str) -> Result<String, String> {
        match self.local(text)? {
            Some(path) => Ok(with_end_of(text, self.within(&path, text)?)),
            None => self.remote(text),
        }
    }

    /// Whether a file that was found, or is to be written, may be: a link may have led to it.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        match self.local(name)? {
            Some(path) => self.within(&path, &self.shown(name)).map(drop),
            None => self.remote(name).map(drop),
        }
    }

    /// A text without the path of the directory of jobs, which callers need not know.
    pub(super) fn shown(&self, text: &str) -> String {
        let Some(root) = self.root.as_deref().and_then(Path::to_str) else {
            return text.to_owned();
        };
        if root == "/" { text.to_owned() } else { text.replace(&format!("{root}/"), "") }
    }

    /// The path that a text names, as long as it names no URL.
    fn local(&self, text: &str) -> Result<Option<PathBuf>, String> {
        if matches!(text, "" | "-") {
            return Err(format!("'{text}' is no file, which jobs of a server need"));
        }
        if text.contains('\0') {
            return Err("a path has a zero byte".to_owned());
        }
        let path = match text.strip_prefix("file://") {
            Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
            None if text.contains("://") => return Ok(None),
            None => text,
        };
        let Some(root) = &self.root else {
            return Err(format!("'{text}' is a path, and without job-root jobs may have none"));
        };
        Ok(Some(root.join(path)))
    }

    /// A path without links and `..`, if it lies in the directory of jobs.
    fn within(&self, path: &Path, text: &str) -> Result<String, String> {
        let refused = || format!("'{text}' lies outside of the directory of jobs");
        let settled = settled(path).map_err(|reason| format!("'{text}': {reason}"))?;
        let root = self.root.as_ref().ok_or_else(refused)?;
        if !settled.starts_with(root) {
            return Err(refused());
        }
        settled.into_os_string().into_string().map_err(|_| format!("'{text}' is not UTF-8"))
    }

    fn remote(&self, text: &str) -> Result<String, String> {
        let rest = self.prefixes.iter().find_map(|prefix| text.strip_prefix(prefix.as_str()));
        let Some(rest) = rest else {
            return Err(format!("'{text}' begins with no prefix that jobs may have"));
        };
        let is_web = text.starts_with("http");
        let lower = rest.to_ascii_lowercase();
        let is_hidden = ["%2e", "%2f", "%5c", "\\"].iter().any(|hidden| lower.contains(hidden));
        let mut parts = rest.strip_suffix('/').unwrap_or(rest).split('/');
        if (is_web && is_hidden) || (!rest.is_empty() && parts.any(leads_elsewhere)) {
            return Err(format!("'{text}' has a part that may lead elsewhere"));
        }
        Ok(text.to_owned())
    }
}

fn leads_elsewhere(part: &str) -> bool {
    matches!(part, "" | "." | "..") || part.contains(char::is_control)
}

/// A text that ends with `/` means a directory.
fn with_end_of(text: &str, path: String) -> String {
    if text.ends_with('/') && !path.ends_with('/') { path + "/" } else { path }
}

/// The path as the system would find it. What is not there yet must have a plain name.
fn settled(path: &Path) -> Result<PathBuf, String> {
    let (mut there, mut missing) = (path.to_owned(), Vec::new());
    loop {
        match fs::canonicalize(&there) {
            Ok(mut found) => {
                found.extend(missing.iter().rev());
                return Ok(found);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::symlink_metadata(&there).is_ok() {
                    return Err("a link leads nowhere".to_owned());
                }
                let Some(Component::Normal(name)) = there.components().next_back() else {
                    return Err("'..' stands behind what is not there".to_owned());
                };
                missing.push(name.to_owned());
                there = there.parent().map(Path::to_owned).unwrap_or_default();
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        directory: tempfile::TempDir,
        allowed: Allowed,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        for made in ["root/in", "outside", "root-evil"] {
            fs::create_dir_all(directory.path().join(made)).unwrap();
        }
        fs::write(directory.path().join("outside/secret.csv"), "").unwrap();
        let prefixes =
            vec![prefix("s3://bucket/in").unwrap(), prefix("https://h:8443/d/").unwrap()];
        Place { allowed: Allowed::new(Some(&root), &prefixes).unwrap(), directory }
    }

    #[test]
    fn relative_paths_lie_in_the_directory_of_jobs() {
        let Place { directory, allowed } = place();
        let root = fs::canonicalize(directory.path().join("root")).unwrap();
        let root = root.to_str().unwrap();
        for (text, is) in [
            ("in/x.csv", "in/x.csv"),
            ("in/../x.csv", "x.csv"),
            ("in/*.csv", "in/*.csv"),
            ("in/**/[ab].csv", "in/**/[ab].csv"),
            ("in/", "in/"),
            ("new/dir/", "new/dir/"),
        ] {
            assert_eq!(allowed.input(text), Ok(format!("{root}/{is}")), "{text}");
        }
        assert_eq!(allowed.input(&format!("file://{root}/x.csv")), Ok(format!("{root}/x.csv")));
        assert_eq!(allowed.output("a/b.parquet"), Ok(format!("{root}/a/b.parquet")));
        assert_eq!(allowed.shown(&format!("{root}/a.csv: wrong")), "a.csv: wrong");
    }

    #[test]
    fn nothing_outside_of_it_can_be_named() {
        let Place { directory, allowed } = place();
        let outside = directory.path().join("outside");
        symlink(&outside, directory.path().join("root/link")).unwrap();
        symlink("nowhere", directory.path().join("root/dangling")).unwrap();
        let absolute = outside.join("secret.csv").display().to_string();
        let sibling = format!("{}-evil/x.csv", directory.path().join("root").display());
        for text in [
            "../outside/secret.csv",
            "in/../../outside/secret.csv",
            "new/../../outside/secret.csv",
            "link/secret.csv",
            "link/",
            "link/new.csv",
            "link/*.csv",
            "in/*/../../x",
            "dangling",
            "/etc/passwd",
            "file:///etc/passwd",
            "file://localhost/etc/passwd",
            "-",
            "",
            "a\0b",
            &absolute,
            &sibling,
        ] {
            assert!(allowed.input(text).is_err(), "{text:?}");
            let is_pattern = text.contains('*');
            assert!(is_pattern || allowed.output(text).is_err(), "{text:?}");
        }
        // A pattern does not name the link that leads out, but the file that it finds is seen.
        assert!(allowed.input("*/secret.csv").is_ok());
        assert!(
            allowed.check(directory.path().join("root/link/secret.csv").to_str().unwrap()).is_err()
        );
    }

    #[test]
    fn urls_are_below_a_prefix_and_not_beside_it() {
        let Place { allowed, .. } = place();
        for text in [
            "s3://bucket/in/x.csv",
            "s3://bucket/in/",
            "s3://bucket/in/**/?.csv",
            "https://h:8443/d/a%20b.csv",
        ] {
            assert_eq!(allowed.input(text), Ok(text.to_owned()));
        }
        for text in [
            "s3://bucket/input-evil/x.csv",
            "s3://bucket/in-evil/x.csv",
            "s3://bucket/in",
            "s3://bucket/in/../x.csv",
            "s3://bucket/in//x.csv",
            "s3://bucket/in*/x.csv",
            "s3://other/in/x.csv",
            "S3://bucket/in/x.csv",
            "gs://bucket/in/x.csv",
            "https://h:8443/d/%2e%2E/x.csv",
            "https://h:8443/d/..%2fx.csv",
            "https://h:8443/d/a\\..\\x.csv",
            "https://h:8443.evil/d/x.csv",
            "https://h:8443@evil/d/x.csv",
        ] {
            assert!(allowed.input(text).is_err() && allowed.output(text).is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_directory_there_are_no_paths() {
        let allowed = Allowed::new(None, &[prefix("s3://b").unwrap()]).unwrap();
        assert!(allowed.input("x.csv").unwrap_err().contains("job-root"));
        assert!(allowed.input("s3://b/x.csv").is_ok());
        let missing = Allowed::new(Some(Path::new("/no/such/place")), &[]).unwrap_err();
        assert!(missing.starts_with("job-root /no/such/place: "), "{missing}");
    }

    #[test]
    fn prefixes_that_mean_something_else_are_refused() {
        assert_eq!(prefix("s3://b/in"), Ok("s3://b/in/".to_owned()));
        assert_eq!(prefix("http://h"), Ok("http://h/".to_owned()));
        for text in [
            "b/in",
            "file:///srv",
            "ftp://h/x",
            "s3://",
            "s3://b/../x",
            "s3://b//",
            "s3://b/*",
            "http://u@h/",
        ] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
