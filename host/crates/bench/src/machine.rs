//! The machine that the measurements are made on, and a folder for their files.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context, Result};
use serde::Serialize;

/// Writes of the probe that finds out what a commit costs at least.
const FSYNCS: usize = 50;
/// Bytes of each, a page of a database.
const FSYNC_BYTES: usize = 4_096;

/// The machine, as far as it explains the figures.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) os: &'static str,
    pub(crate) architecture: &'static str,
    /// Milliseconds of the median write of a page with fsync in the temporary folder. Far below
    /// 0.1 the folder is in memory, or the disk does not wait for the medium.
    pub(crate) fsync_ms: f64,
}

impl Machine {
    pub(crate) fn look(scratch: &Scratch) -> Result<Self> {
        Ok(Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            fsync_ms: fsync_ms(&scratch.path().join("fsync"))?,
        })
    }
}

fn fsync_ms(path: &Path) -> std::io::Result<f64> {
    let mut file = File::create(path)?;
    let mut durations = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        let begun = Instant::now();
        file.write_all(&[1; FSYNC_BYTES])?;
        file.sync_data()?;
        durations.push(begun.elapsed());
    }
    durations.sort_unstable();
    Ok(durations[FSYNCS / 2].as_secs_f64() * 1e3)
}

/// A folder of this run alone, removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("weir-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(cause) = fs::remove_dir_all(&self.0) {
            eprintln!("weir-bench: {} could not be removed: {cause}", self.0.display());
        }
    }
}
