//! The kinds of JSON values that the procedure tells apart.
//!
//! Numbers are two kinds, because JSON Schema's `integer` lies within its `number`: a number
//! without a fraction, `1.0` included, is an integer.

use serde_json::{Number, Value};

/// One kind of value. Every JSON value is of exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Fraction,
    String,
    Array,
    Object,
}

impl Kind {
    /// All kinds. Objects come first, since mostly the members of a payload break.
    pub(super) const ALL: [Self; 7] =
        [Self::Object, Self::Array, Self::String, Self::Integer, Self::Fraction, Self::Boolean, Self::Null];

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if is_integer(number) => Self::Integer,
            Value::Number(_) => Self::Fraction,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|value| value.fract() == 0.0)
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0x7f);
    pub(super) const NUMBERS: Self = Self::of(Kind::Integer).or(Self::of(Kind::Fraction));
    pub(super) const STRING: Self = Self::of(Kind::String);
    pub(super) const ARRAY: Self = Self::of(Kind::Array);
    pub(super) const OBJECT: Self = Self::of(Kind::Object);

    pub(super) const fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of a word of `type`; `None` for a word that it does not know.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::of(Kind::Null),
            "boolean" => Self::of(Kind::Boolean),
            "integer" => Self::of(Kind::Integer),
            "number" => Self::NUMBERS,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |&kind| self.contains(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_are_integers_however_they_are_written() {
        for whole in [json!(1), json!(-1), json!(1.0), json!(1e300), json!(u64::MAX)] {
            assert_eq!(Kind::of(&whole), Kind::Integer, "{whole}");
        }
        assert_eq!(Kind::of(&json!(0.5)), Kind::Fraction);
        assert_eq!(Kinds::named("number"), Some(Kinds::NUMBERS));
        assert!(Kinds::NUMBERS.contains(Kind::Integer));
        assert_eq!(Kinds::named("text"), None);
    }

    #[test]
    fn all_are_seven() {
        assert_eq!(Kinds::ALL.iter().count(), Kind::ALL.len());
        assert!(Kinds::NUMBERS.and(Kinds::STRING).is_empty() && Kinds::NONE.is_empty());
    }
}
