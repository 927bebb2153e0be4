//! Documents that are made from the code, whole or in part.

use std::{env, fs};

use clap::{Arg, ArgAction, Command, CommandFactory};
use weir::config::Cli;

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

/// The row of a flag; none for what is no flag, and for those that every command has.
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
        meaning += &format!(": {}", values.join(" or "));
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
    for words in [&["serve"][..], &["dev"], &["admin"], &["schema", "check"]] {
        let rows: String = command(words).get_arguments().filter_map(row).collect();
        assert!(!rows.is_empty(), "{words:?} has no flags");
        page = with_rows(&page, &format!("\n## `weir {}`\n", words.join(" ")), &rows);
    }
    up_to_date(PAGE, &page);
}
