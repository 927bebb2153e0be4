//! Finds the declared member that a misspelt name probably means.

use serde_json::Value;

use crate::{
    document::{Document, Place},
    keywords::Applies,
    pointer::push_step,
};

/// Characters of a name up to which it is compared with others.
const NAME_CHARS_MAX: usize = 100;

/// A member that a schema declares, as the names on the path to it.
type Declared<'a> = Vec<&'a str>;

/// The declared member that is most like a given one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nearest {
    /// The given member itself, in another branch.
    Itself,
    /// Another member, as a JSON pointer.
    Other(String),
}

/// Finds the declared member that is most like the one at the end of these names; `None` if none is
/// like it.
pub(super) fn member(document: &Document<'_>, names: &[&str]) -> Option<Nearest> {
    let (wanted, above) = names.split_last()?;
    let similar = declared(document).into_iter().filter_map(|declared| {
        let (name, parents) = declared.split_last()?;
        let distance = similarity(wanted, name)?;
        Some((2 * distance + usize::from(parents != above), declared))
    });
    let (_, nearest) = similar.min_by_key(|(distance, _)| *distance)?;
    if nearest == names {
        return Some(Nearest::Itself);
    }
    let mut pointer = String::new();
    for name in nearest {
        push_step(&mut pointer, name);
    }
    Some(Nearest::Other(pointer))
}

/// Every member that the schema declares, each subschema on one path only.
fn declared<'a>(document: &Document<'a>) -> Vec<Declared<'a>> {
    let mut found = Vec::new();
    let mut ways: Vec<(Place, Declared<'a>)> = vec![(Document::ROOT, Vec::new())];
    let mut seen = vec![false; document.len()];
    let mut next = 0;
    while let Some((place, way)) = ways.get(next).cloned() {
        next += 1;
        if std::mem::replace(&mut seen[place], true) {
            continue;
        }
        let Some(schema) = document.schema(place).as_object() else { continue };
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, member) in properties.into_iter().flatten() {
            let inside = [way.as_slice(), &[name.as_str()]].concat();
            ways.extend(document.place(member).map(|place| (place, inside.clone())));
            found.push(inside);
        }
        let is_here = |place: Place| (place, way.clone());
        let in_place = document.children(place).filter(|(_, applies)| *applies == Applies::InPlace);
        ways.extend(in_place.map(|(child, _)| is_here(child)));
        ways.extend(document.references(place).iter().filter_map(|reference| reference.target).map(is_here));
        for items in [schema.get("items"), schema.get("prefixItems")].into_iter().flatten() {
            let each = items.as_array().map_or(std::slice::from_ref(items), Vec::as_slice);
            ways.extend(each.iter().filter_map(|item| document.place(item)).map(is_here));
        }
    }
    found
}

/// The number of mistakes that turn one name into the other, if they are few. Case, `_` and `-` do not
/// count.
fn similarity(one: &str, other: &str) -> Option<usize> {
    let letters = |name: &str| -> Vec<char> {
        let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-'));
        letters.flat_map(char::to_lowercase).take(NAME_CHARS_MAX + 1).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let (shorter, longer) = (one.len().min(other.len()), one.len().max(other.len()));
    let mistakes_max = (longer / 3).max(1);
    if longer > NAME_CHARS_MAX || longer - shorter > mistakes_max {
        return None;
    }
    Some(distance(&one, &other)).filter(|&mistakes| mistakes <= mistakes_max)
}

/// The number of letters that are surplus, missing, wrong, or swapped with their neighbour.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before_last = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, against) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != against);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *against {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nearest(schema: &Value, names: &[&str]) -> Option<String> {
        match member(&Document::read(schema).expect("legal"), names)? {
            Nearest::Itself => Some("itself".to_owned()),
            Nearest::Other(pointer) => Some(pointer),
        }
    }

    #[test]
    fn typing_errors_are_few_mistakes() {
        let text =
            |one: &str, other: &str| distance(&one.chars().collect::<Vec<_>>(), &other.chars().collect::<Vec<_>>());
        for (one, other, expected) in [
            ("", "", 0),
            ("total", "total", 0),
            ("totl", "total", 1),
            ("toatl", "total", 1),
            ("tottal", "total", 1),
            ("xotal", "total", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(text(one, other), expected, "{one} and {other}");
        }
    }

    #[test]
    fn the_member_that_was_meant_is_found_anywhere() {
        let schema = json!({
            "properties": {
                "order": { "$ref": "#/$defs/order" },
                "items": { "type": "array", "items": { "properties": { "unitPrice": {} } } },
                "a/b": { "allOf": [{ "properties": { "deep": {} } }] },
            },
            "$defs": { "order": { "properties": { "total": {}, "orderId": {}, "parent": { "$ref": "#/$defs/order" } } } },
        });
        for (names, expected) in [
            (&["ordre"][..], Some("/order")),
            (&["order", "totl"], Some("/order/total")),
            (&["order", "order_id"], Some("/order/orderId")),
            (&["total"], Some("/order/total")),
            (&["order", "total"], Some("itself")),
            (&["items", "UnitPrice"], Some("/items/unitPrice")),
            (&["dep"], Some("/a~1b/deep")),
            (&["something", "else"], None),
            (&["entirely"], None),
        ] {
            assert_eq!(nearest(&schema, names).as_deref(), expected, "{names:?}");
        }
    }

    #[test]
    fn very_long_names_are_not_compared() {
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        assert_eq!(nearest(&json!({ "properties": { long.clone(): {} } }), &[&long]), None);
    }
}
