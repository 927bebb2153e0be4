//! The rules of `wit/README.md` that can be checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use semver::Version;
use wit_component::semver_check;
use wit_parser::{PackageId, Resolve, Stability};

use crate::support::fixtures::root;

/// A version that is newer than every release of its track, so that the track's working copy and
/// a frozen copy of it can stand side by side.
const WORKING_PATCH: u64 = u64::MAX;

#[test]
fn tracks_stay_compatible_with_what_was_released() {
    for track in folders("wit").iter().filter(|folder| name(folder) != "frozen") {
        let working = text(track);
        let Some(frozen) = newest_frozen(name(track)) else {
            continue;
        };
        for world in worlds(&text(&frozen)) {
            let mut resolve = Resolve::default();
            let before = push(&mut resolve, &text(&frozen));
            let now = push(&mut resolve, &as_newest(&working));
            let select = |package| resolve.select_world(&[package], Some(&world)).expect("worlds are never removed");
            let (before, now) = (select(before), select(now));
            if let Err(error) = semver_check(resolve, before, now) {
                panic!("world {world} breaks components built for {}: {error:#}", name(&frozen));
            }
        }
    }
}

#[test]
fn frozen_copies_parse_and_have_the_version_of_their_folder() {
    for frozen in folders("wit/frozen") {
        let mut resolve = Resolve::default();
        let package = push(&mut resolve, &text(&frozen));
        let version = resolve.packages[package].name.version.as_ref().expect("the package has a version");
        assert_eq!(version.to_string(), name(&frozen));
    }
}

#[test]
fn every_item_says_since_when() {
    for track in folders("wit").iter().filter(|folder| name(folder) != "frozen") {
        let mut resolve = Resolve::default();
        let package = push(&mut resolve, &text(track));
        let package = &resolve.packages[package];
        for (interface, &id) in &package.interfaces {
            assert_ne!(resolve.interfaces[id].stability, Stability::Unknown, "interface {interface}");
        }
        for (world, &id) in &package.worlds {
            assert_ne!(resolve.worlds[id].stability, Stability::Unknown, "world {world}");
        }
    }
}

#[test]
fn the_check_tells_additions_from_breaking_changes() {
    let frozen = text(&newest_frozen("0.1").expect("0.1 was released"));
    let allows = |from: &str, to: &str| {
        let changed = frozen.replacen(from, to, 1);
        assert_ne!(changed, frozen, "{from}");
        let mut resolve = Resolve::default();
        let packages = [push(&mut resolve, &frozen), push(&mut resolve, &as_newest(&changed))];
        let [before, now] = packages.map(|package| resolve.select_world(&[package], Some("router")).expect("exists"));
        semver_check(resolve, before, now).is_ok()
    };
    assert!(allows("attempt: func() -> u32;", "attempt: func() -> u32; attempts-max: func() -> u32;"));
    assert!(!allows("delay-ms: u64", "delay-ms: u32"));
    assert!(!allows("version: string,", "version: string, subject: string,"));
    assert!(!allows("attempt: func() -> u32;", ""));
    assert!(!allows("export routing;", "export routing; export handler;"));
}

fn folders(below: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(root().join(below)).expect("the folder is there").map(|entry| entry.expect("readable").path());
    entries.filter(|path| path.is_dir()).collect()
}

fn name(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).expect("folders have names in UTF-8")
}

fn text(folder: &Path) -> String {
    fs::read_to_string(folder.join("plugin.wit")).expect("the package is one file")
}

fn newest_frozen(track: &str) -> Option<PathBuf> {
    let version = |folder: &Path| name(folder).parse::<Version>().expect("frozen copies are named by version");
    let of_track = |version: &Version| match version.major {
        0 => format!("0.{}", version.minor) == track,
        major => major.to_string() == track,
    };
    folders("wit/frozen").into_iter().filter(|folder| of_track(&version(folder))).max_by_key(|folder| version(folder))
}

fn push(resolve: &mut Resolve, text: &str) -> PackageId {
    resolve.push_str("plugin.wit", text).expect("the package is valid")
}

fn worlds(text: &str) -> Vec<String> {
    let mut resolve = Resolve::default();
    let package = push(&mut resolve, text);
    resolve.packages[package].worlds.keys().cloned().collect()
}

/// The text as if it were the newest release of its track.
fn as_newest(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("package ")).expect("the package is named");
    let (package, version) = line.trim_end_matches(';').split_once('@').expect("the package has a version");
    let version = Version { patch: WORKING_PATCH, ..version.parse().expect("a version") };
    text.replacen(line, &format!("{package}@{version};"), 1)
}
