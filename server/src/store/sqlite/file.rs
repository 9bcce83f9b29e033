//! Which file an address means, and that nobody else serves it.
//!
//! SQLite allows several processes on one file; Baton does not, since lanes, timers and the bus have one owner there.
//! `FILE.lock` sees to that, beside the file itself: a symbolic link or another spelling of the path leads to the same
//! lock. A file with several names (hard links) has no such place and is refused; SQLite would keep a log per name.

use std::{
    fs::{self, File, TryLockError},
    io::{Error, ErrorKind},
    path::{Path, PathBuf},
};

use crate::store::open::OpenError;

/// How many symbolic links may lead one to the next, as for Linux.
const LINKS_MAX: usize = 40;

/// A file that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Absolute, without symbolic links. The file need not be there yet.
    pub(super) path: PathBuf,
    /// Released by the operating system however the process ends.
    pub(super) lock: File,
}

pub(super) fn claim(url: &str) -> Result<Claimed, OpenError> {
    let path = real_path(&path_of(url)?)?;
    refuse_several_names(&path)?;
    let lock = lock(&path)?;
    Ok(Claimed { path, lock })
}

/// `sqlite://baton.db` is relative, `sqlite:///var/lib/baton.db` absolute.
fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    let refuse = |reason: &str| OpenError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let rest = url.strip_prefix("sqlite:").ok_or_else(|| refuse("it does not begin with sqlite:"))?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(refuse("it names no file"));
    }
    if path.contains(":memory:") {
        return Err(refuse("Baton keeps what must survive, so it needs a file"));
    }
    if path.contains('?') {
        return Err(refuse("it takes no parameters"));
    }
    Ok(PathBuf::from(path))
}

/// Where the file is, or will be.
fn real_path(typed: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::File { path: typed.to_owned(), source };
    let mut path = typed.to_owned();
    for _ in 0..LINKS_MAX {
        match path.canonicalize() {
            Ok(real) => return Ok(real),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return Err(failed(ErrorKind::IsADirectory.into())),
        };
        // A link to what is not there yet: SQLite would create the file that it points to.
        if let Ok(target) = fs::read_link(&path) {
            path = folder.join(target);
            continue;
        }
        let name = path.file_name().ok_or_else(|| failed(ErrorKind::IsADirectory.into()))?;
        return match folder.canonicalize() {
            Ok(folder) => Ok(folder.join(name)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(OpenError::FolderMissing { path: typed.to_owned(), folder: folder.to_owned() })
            }
            Err(error) => Err(failed(error)),
        };
    }
    Err(failed(Error::other("too many symbolic links")))
}

#[cfg(unix)]
fn refuse_several_names(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(path) {
        Ok(file) if file.is_file() && file.nlink() > 1 => {
            Err(OpenError::SeveralNames { path: path.to_owned(), names: file.nlink() })
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_several_names(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |source| OpenError::File { path: PathBuf::from(&name), source };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_unless_it_begins_with_a_slash() {
        assert_eq!(path_of("sqlite://baton.db").unwrap(), PathBuf::from("baton.db"));
        assert_eq!(path_of("sqlite:baton.db").unwrap(), PathBuf::from("baton.db"));
        assert_eq!(path_of("sqlite:///var/lib/baton.db").unwrap(), PathBuf::from("/var/lib/baton.db"));
    }

    #[test]
    fn an_address_that_names_no_file_is_refused_with_a_reason() {
        for (url, reason) in
            [("sqlite://", "no file"), ("sqlite::memory:", "needs a file"), ("sqlite://a?mode=rw", "no parameters")]
        {
            let error = path_of(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn every_way_to_a_file_leads_to_the_same_path_also_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("baton.db");
        let (file, link, chained) = (folder.path().join("baton.db"), folder.path().join("a"), folder.path().join("b"));
        std::os::unix::fs::symlink("baton.db", &link).unwrap();
        std::os::unix::fs::symlink(&link, &chained).unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let detour = folder.path().join("sub/../baton.db");
        for there in [false, true] {
            for way in [&file, &link, &chained, &detour] {
                assert_eq!(real_path(way).unwrap(), real, "{} (there: {there})", way.display());
            }
            fs::write(&file, "").unwrap();
        }
        assert!(real_path(Path::new("baton-is-not-here.db")).unwrap().is_absolute());

        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("a", &file).unwrap();
        assert!(matches!(real_path(&link), Err(OpenError::File { .. })), "links in a circle lead nowhere");
    }
}
