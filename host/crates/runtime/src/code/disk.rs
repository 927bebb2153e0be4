//! A folder of compiled code, written and read by this host alone.
//!
//! An entry must be exactly what this host wrote: it begins with the checksum of the rest, appears
//! under its name only when it is complete, and lives in a folder that no other user may write to.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use super::machine::Code;
use crate::digest::Digest;

/// Bytes of the checksum in front of the code.
const CHECKSUM_BYTES: usize = 32;
/// Permission bits with which others could plant code.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A folder of compiled code, for one kind of engine.
pub(crate) struct CodeDir {
    path: PathBuf,
    fingerprint: u64,
    bytes_max: u64,
    writes: AtomicU64,
}

impl CodeDir {
    /// Opens the folder, or makes it, for this user only. `engine` is everything that code depends on
    /// besides the component; code for another engine is not found.
    pub(crate) fn open(path: PathBuf, engine: impl Hash, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let mode = fs::metadata(&path)?.permissions().mode();
        if mode & WRITABLE_BY_OTHERS != 0 {
            let reason = format!("{} can be written by others; code in it would run as the host's own", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let mut fingerprint = DefaultHasher::new();
        engine.hash(&mut fingerprint);
        Ok(Self { path, fingerprint: fingerprint.finish(), bytes_max, writes: AtomicU64::new(0) })
    }

    /// The code of a component, if it is here and intact.
    pub(crate) fn read(&self, component: Digest) -> Option<Code> {
        let mut file = File::open(self.entry(component)).ok()?;
        let mut checksum = [0; CHECKSUM_BYTES];
        file.read_exact(&mut checksum).ok()?;
        let mut code = Vec::new();
        file.read_to_end(&mut code).ok()?;
        if Sha256::digest(&code).as_slice() != checksum {
            tracing::warn!(component.digest = %component, "compiled code of {component} on disk is damaged");
            return None;
        }
        // The time of use decides what is removed first; without it, the time of writing does.
        let _ = file.set_modified(now());
        Some(Code(code))
    }

    /// Keeps the code of a component. The cache saves time only, so failing costs nothing else.
    pub(crate) fn write(&self, component: Digest, code: &Code) {
        let written = self.write_entry(component, &code.0).and_then(|()| self.shrink());
        if let Err(error) = written {
            tracing::warn!(%error, component.digest = %component, "compiled code of {component} was not kept on disk");
        }
    }

    fn entry(&self, component: Digest) -> PathBuf {
        self.path.join(format!("{component}-{:016x}.code", self.fingerprint))
    }

    fn write_entry(&self, component: Digest, code: &[u8]) -> io::Result<()> {
        let entry = self.entry(component);
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let draft = entry.with_extension(format!("{}-{number}.draft", process::id()));
        let written = write_new(&draft, code).and_then(|()| fs::rename(&draft, &entry));
        if written.is_err() {
            // A draft that is incomplete is of no use. It may not even be there.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Removes the entries that were not used the longest, until the rest fits.
    fn shrink(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.path)? {
            let file = file?;
            let metadata = file.metadata()?;
            files.push((metadata.modified()?, metadata.len(), file.path()));
        }
        files.sort_unstable();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, file_bytes, path) in files {
            if bytes <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            bytes -= file_bytes;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the times of files are the file system's, not the host's")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn write_new(path: &Path, code: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of the test's own, removed with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("weir-code-{name}-{}", process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn open(&self, engine: &str, bytes_max: u64) -> CodeDir {
            CodeDir::open(self.0.clone(), engine, bytes_max).expect("a new folder opens")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn code() -> Code {
        Code(b"code".to_vec())
    }

    #[test]
    fn an_entry_is_for_one_component_and_one_engine() {
        let folder = Folder::new("entry");
        let dir = folder.open("engine", u64::MAX);
        dir.write(Digest::of(b"a"), &code());
        assert_eq!(dir.read(Digest::of(b"a")).map(|read| read.0), Some(code().0));
        assert!(dir.read(Digest::of(b"b")).is_none());
        assert!(folder.open("another engine", u64::MAX).read(Digest::of(b"a")).is_none());
    }

    #[test]
    fn a_damaged_entry_is_no_entry() {
        let folder = Folder::new("damaged");
        let dir = folder.open("engine", u64::MAX);
        for damaged in [b"".as_slice(), b"short", &[0; 100]] {
            fs::write(dir.entry(Digest::of(b"a")), damaged).expect("writes");
            assert!(dir.read(Digest::of(b"a")).is_none());
        }
    }

    #[test]
    fn no_other_user_may_write_here() {
        let folder = Folder::new("modes");
        let dir = folder.open("engine", u64::MAX);
        dir.write(Digest::of(b"a"), &code());
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!((mode(&folder.0), mode(&dir.entry(Digest::of(b"a")))), (0o700, 0o600));

        fs::set_permissions(&folder.0, PermissionsExt::from_mode(0o770)).expect("ours");
        let refused = CodeDir::open(folder.0.clone(), "engine", 0).err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::PermissionDenied));
    }

    #[test]
    fn code_cache_disk_bytes_max() {
        let folder = Folder::new("size");
        let dir = folder.open("engine", 2 * (CHECKSUM_BYTES as u64 + 4));
        for (age_s, component) in [(30, b"a"), (20, b"b"), (10, b"c")] {
            dir.write(Digest::of(component), &code());
            let used = now() - std::time::Duration::from_secs(age_s);
            let file = File::open(dir.entry(Digest::of(component))).expect("was written");
            file.set_modified(used).expect("ours");
        }
        let kept = [b"a", b"b", b"c"].map(|component| dir.read(Digest::of(component)).is_some());
        assert_eq!(kept, [false, true, true]);
    }
}
