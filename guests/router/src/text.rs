//! Comparing texts: without regard to case, and with wildcards.

use std::borrow::Cow;

/// Whether two texts are the same but for the case of their letters.
pub fn is_same(one: &str, another: &str) -> bool {
    strip_start(one, another).is_some_and(str::is_empty)
}

/// The rest of a text that begins with these letters, in any case.
pub fn strip_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    let is_there = start.chars().all(|letter| rest.next().is_some_and(|other| is_same_letter(letter, other)));
    is_there.then_some(rest.as_str())
}

/// Whether a text ends with these letters, in any case.
pub fn ends_with(text: &str, end: &str) -> bool {
    let mut rest = text.chars().rev();
    end.chars().rev().all(|letter| rest.next().is_some_and(|other| is_same_letter(letter, other)))
}

/// Whether the lower-case or the upper-case forms of two letters are the same. Letters are compared
/// one by one: `ß` is not `SS`.
fn is_same_letter(one: char, another: char) -> bool {
    if one == another {
        return true;
    }
    if one.is_ascii() && another.is_ascii() {
        return one.eq_ignore_ascii_case(&another);
    }
    one.to_lowercase().eq(another.to_lowercase()) || one.to_uppercase().eq(another.to_uppercase())
}

/// Whether a pattern covers all of a text. `*` stands for any run of characters, `\*` and `\\` for
/// themselves. The time is in proportion to both lengths, as each piece is searched only behind
/// the one before it.
pub fn is_covered(text: &str, pattern: &str) -> bool {
    let (first, mut behind_star) = piece(pattern);
    let Some(mut text) = text.strip_prefix(first.as_ref()) else { return false };
    while let Some(pattern) = behind_star {
        let (next, behind) = piece(pattern);
        if behind.is_none() {
            return text.ends_with(next.as_ref());
        }
        let Some(at) = text.find(next.as_ref()) else { return false };
        text = &text[at + next.len()..];
        behind_star = behind;
    }
    text.is_empty()
}

/// The text that a pattern stands for up to its first star, and the pattern behind that star.
fn piece(pattern: &str) -> (Cow<'_, str>, Option<&str>) {
    let mut unescaped: Option<String> = None;
    let mut begin = 0;
    let mut bytes = pattern.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'*' => return (joined(unescaped, &pattern[begin..at]), Some(&pattern[at + 1..])),
            b'\\' => {
                unescaped.get_or_insert_default().push_str(&pattern[begin..at]);
                begin = at + 1;
                bytes.next();
            }
            _ => {}
        }
    }
    (joined(unescaped, &pattern[begin..]), None)
}

fn joined(before: Option<String>, rest: &str) -> Cow<'_, str> {
    match before {
        Some(before) => Cow::Owned(before + rest),
        None => Cow::Borrowed(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cover_any_run() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "a-b", true),
            ("a*b", "a-b-", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab", "aab", true),
            ("ab*ab", "ab", false),
            ("*a*a*", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("é*🦀", "é, 🦀", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"a\\*", r"a\b", true),
            (r"*\**\\", r"x*y\", true),
            (r"*\**\\", r"xy\", false),
        ] {
            assert_eq!(is_covered(text, pattern), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn case_is_that_of_unicode_letter_by_letter() {
        for (one, another, expected) in [
            ("eventb", "EventB", true),
            ("ÄÖÜ", "äöü", true),
            ("Σ", "ς", true),
            ("k", "\u{212a}", true),
            ("straße", "STRASSE", false),
            ("straße", "STRAẞE", true),
            ("a", "ab", false),
            ("", "", true),
            ("[", "{", false),
        ] {
            assert_eq!(is_same(one, another), expected, "{one} and {another}");
            assert_eq!(is_same(another, one), expected, "{another} and {one}");
        }
        assert_eq!(strip_start("EventBridge", "eventb"), Some("ridge"));
        assert_eq!(strip_start("Event", "eventb"), None);
        assert!(ends_with("IMAGE.PNG", ".png") && !ends_with("png", ".png") && ends_with("x", ""));
    }
}
