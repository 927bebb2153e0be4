//! Estimates the cost of a regular expression per character, before it is compiled.
//!
//! The engine takes linear time, but the factor can be large: at its slowest it keeps, for every
//! character of the text, a set of places in the pattern. `(a|b){400}` has eight hundred of them.

use std::{iter::Peekable, str::Chars};

/// Counts the places of a pattern: its characters and classes, with counted repetitions written out.
/// Where the engine has shortcuts, the count is too high.
pub(crate) fn places(pattern: &str) -> usize {
    if is_counted_class(pattern) {
        return 1;
    }
    let mut rest = pattern.chars().peekable();
    let mut open = vec![Group::default()];
    while let Some(first) = rest.next() {
        match first {
            '(' => {
                skip_group_kind(&mut rest);
                open.push(Group::default());
            }
            ')' if open.len() > 1 => {
                let places = open.pop().map_or(0, Group::places);
                add(&mut open, places);
            }
            '^' | '$' | '|' | '*' | '+' | '?' => {}
            '{' => {
                let times = count(&mut rest);
                if let Some(group) = open.last_mut() {
                    group.last = group.last.saturating_mul(times);
                }
            }
            other => {
                skip_rest_of_atom(other, &mut rest);
                add(&mut open, 1);
            }
        }
    }
    open.into_iter().map(Group::places).fold(0, usize::saturating_add)
}

/// A group that is being read, the whole pattern being one.
#[derive(Default)]
struct Group {
    /// Places before the last atom.
    before: usize,
    /// Places of the last atom, which a repetition may follow.
    last: usize,
}

impl Group {
    fn places(self) -> usize {
        self.before.saturating_add(self.last)
    }
}

fn add(open: &mut [Group], places: usize) {
    if let Some(group) = open.last_mut() {
        group.before = group.before.saturating_add(group.last);
        group.last = places;
    }
}

/// Whether the pattern is one repeated class and nothing else, as `^.{1,500}$` is. The validator
/// counts characters for those.
fn is_counted_class(pattern: &str) -> bool {
    let Some(inner) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) else {
        return false;
    };
    let mut rest = inner.chars().peekable();
    match rest.next() {
        None | Some('(' | ')' | '|' | '*' | '+' | '?' | '{' | '$') => return false,
        Some(first) => skip_rest_of_atom(first, &mut rest),
    }
    rest.next_if_eq(&'{').is_some() && rest.find(|&next| next == '}').is_some() && rest.next().is_none()
}

/// Reads on after the first character of a class, an escape or a literal.
fn skip_rest_of_atom(first: char, rest: &mut Peekable<Chars<'_>>) {
    match first {
        '[' => skip_class(rest),
        '\\' => {
            let named = matches!(rest.next(), Some('p' | 'P' | 'u' | 'x'));
            if named && rest.peek() == Some(&'{') {
                rest.find(|&next| next == '}');
            }
        }
        _ => {}
    }
}

fn skip_class(rest: &mut Peekable<Chars<'_>>) {
    while let Some(next) = rest.next() {
        match next {
            '\\' => drop(rest.next()),
            ']' => return,
            _ => {}
        }
    }
}

/// Reads on after the parenthesis of `(?:`, `(?<name>` and the like.
fn skip_group_kind(rest: &mut Peekable<Chars<'_>>) {
    if rest.next_if_eq(&'?').is_none() {
        return;
    }
    if rest.next() == Some('<') && !matches!(rest.peek(), Some('=' | '!')) {
        rest.find(|&next| next == '>');
    }
}

/// The most times that the atom before `{` is repeated. Reads up to `}`.
fn count(rest: &mut Peekable<Chars<'_>>) -> usize {
    let text: String = rest.by_ref().take_while(|&next| next != '}').collect();
    let (least, most) = text.split_once(',').unwrap_or((&text, &text));
    let number = |text: &str| text.trim().parse().unwrap_or(0_usize);
    number(least).max(number(most)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_written_out() {
        for (pattern, expected) in [
            ("", 0),
            ("abc", 3),
            ("^abc$", 3),
            ("a{3}", 3),
            ("a{2,5}b", 6),
            ("a{7,}b", 8),
            ("(ab){3}", 6),
            ("(a|b){4}c", 9),
            ("((a{2}){3}){4}", 24),
            ("[a-z{}()]{5}x", 6),
            (r"\d{4}-\d{2}", 7),
            (r"\(\{\)", 3),
            (r"\p{Lu}{3}x", 4),
            (r"\u{1F600}x", 2),
            ("(?:ab){2}", 4),
            ("(?<year>[0-9]){4}", 4),
            ("a*b+c?", 3),
            (r"[\]\\]{2}", 2),
            ("a{", 1),
            (")", 1),
        ] {
            assert_eq!(places(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn counted_classes_cost_one_place() {
        for pattern in ["^.{1,5000}$", r"^\p{L}{1,64}$", "^[^<>]{0,999}$", r"^\S{3}$", "^a{900}$"] {
            assert_eq!(places(pattern), 1, "{pattern}");
        }
        for pattern in ["^.{1,5000}x$", "^(.{1,5000})$", ".{1,5000}", "^a.{1,5000}$", "^.{1,50}{100}$"] {
            assert!(places(pattern) >= 5000, "{pattern}");
        }
    }

    #[test]
    fn hostile_nesting_saturates() {
        let pattern = format!("{}a{}", "(".repeat(100), "){9999}".repeat(100));
        assert_eq!(places(&pattern), usize::MAX);
    }
}
