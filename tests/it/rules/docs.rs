//! Documents: the generated parts match the code, and every link and every test that a page names exists.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command, CommandFactory};
use weir::config::Cli;

use super::fixtures::sources;
use crate::support::fixtures::root;

/// Compares a document with what the code says; `UPDATE_DOCS=1` writes it instead.
pub(super) fn up_to_date(path: &str, expected: &str) {
    let file = root().join(path);
    if env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::create_dir_all(file.parent().expect("documents are in a folder")).expect("the folder can be made");
        fs::write(&file, expected).expect("the document can be written");
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    if found == expected {
        return;
    }
    let only_in = |one: &str, other: &str, sign: char| -> String {
        let lines = one.lines().filter(|line| !other.lines().any(|same| same == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<Vec<_>>().concat()
    };
    let difference = only_in(&found, expected, '-') + &only_in(expected, &found, '+');
    panic!("{path} is out of date; UPDATE_DOCS=1 writes it anew:\n{difference}");
}

/// A command by its words, such as `["schema", "check"]`.
fn command(words: &[&str]) -> Command {
    words.iter().fold(Cli::command(), |parent, word| {
        parent.find_subcommand(word).unwrap_or_else(|| panic!("there is no command {word}")).clone()
    })
}

/// The row of a flag; `None` for an argument that is no flag, and for flags that every command has.
fn row(arg: &Arg) -> Option<String> {
    let flag = arg.get_long().filter(|flag| !["help", "version"].contains(flag))?;
    let variable = arg.get_env().map_or("–".to_owned(), |name| format!("`{}`", name.to_string_lossy()));
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match arg.get_action() {
        ArgAction::SetTrue => "off".to_owned(),
        _ if arg.is_required_set() => "required".to_owned(),
        _ if defaults.is_empty() => "none".to_owned(),
        _ => format!("`{}`", defaults.join(",")),
    };
    let mut meaning = arg.get_help().expect("every setting has a doc comment").to_string().replace('|', "\\|");
    let values: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !values.is_empty() && !matches!(arg.get_action(), ArgAction::SetTrue) {
        meaning = format!("{meaning}: {}", values.join(" or "));
    }
    Some(format!("| `--{flag}` | {variable} | {default} | {meaning} |\n"))
}

/// The page with the rows of the first table below a heading replaced.
fn with_rows(page: &str, heading: &str, rows: &str) -> String {
    const RULE: &str = "|---|---|---|---|\n";
    let section = page.find(heading).unwrap_or_else(|| panic!("the page has no heading {heading}"));
    let begin = section + page[section..].find(RULE).expect("the section has a table") + RULE.len();
    let old: usize = page[begin..].split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    format!("{}{rows}{}", &page[..begin], &page[begin + old..])
}

#[test]
fn the_documented_settings_are_up_to_date() {
    const PAGE: &str = "docs/configuration.md";
    let mut page = fs::read_to_string(root().join(PAGE)).expect("it is there");
    let mut shown: Vec<String> = Vec::new();
    for words in [&["serve"][..], &["dev"], &["admin"], &["schema", "check"]] {
        // A setting that commands share is shown with the first of them.
        let rows =
            command(words).get_arguments().filter_map(row).filter(|row| !shown.contains(row)).collect::<Vec<_>>();
        assert!(!rows.is_empty(), "{words:?} has no flags of its own");
        page = with_rows(&page, &format!("\n## `weir {}`\n", words.join(" ")), &rows.concat());
        shown.extend(rows);
    }
    up_to_date(PAGE, &page);
}

/// The Markdown files of the project.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// The lines of a page outside of code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors of a page's headings, as common renderers name them.
fn anchors(page: &str) -> Vec<String> {
    let slug = |heading: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
        heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    prose(page)
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#').trim_start()))
        .collect()
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut count = 0;
    for path in pages(root()) {
        let page = fs::read_to_string(&path).expect("UTF-8");
        for line in prose(&page) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.contains("://") {
                    continue;
                }
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
                let place = format!("{link} in {}", path.display());
                assert!(target.exists(), "{place} leads to no file");
                if !anchor.is_empty() {
                    let found = anchors(&fs::read_to_string(&target).expect("UTF-8"));
                    assert!(found.iter().any(|one| one == anchor), "{place} leads to no heading");
                }
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count} links were found");
}

/// The last column of the table of rules names tests and files.
#[test]
fn what_holds_each_rule_is_there() {
    let files = ["host", "tests/it"].map(|folder| sources(&root().join(folder)));
    let code: String = files.iter().flatten().map(|path| fs::read_to_string(path).expect("UTF-8")).collect();
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let (_, rules) = page.split_once("\n| | rule | held by |\n").expect("it has a table of rules");
    let mut number = 0;
    for line in rules.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [this, rule, held_by] = cells[..] else { panic!("{line} has not three cells") };
        if this.is_empty() {
            continue;
        }
        number += 1;
        assert_eq!(this, number.to_string(), "{rule}");
        assert!(!held_by.is_empty(), "{rule} is held by nothing");
        for name in held_by.split('`').skip(1).step_by(2) {
            let is_file = name.contains(['/', '.']);
            let is_there = if is_file { root().join(name).exists() } else { code.contains(&format!("fn {name}(")) };
            assert!(is_there, "{rule} {name} is gone");
        }
    }
    assert!(number > 40, "{number} rules were found");
}
