//! A payload as the validator sees it: every look at it is counted, and nothing is copied out.
//!
//! A recursive schema may look at a value of a deeply nested payload any number of times, and
//! failing branches keep a copy of what failed. The validator has no bounds for either, but it
//! reads payloads through a trait. This implementation of it counts the steps and, once they are
//! used up, shows nothing but `null`, which ends any schema's work quickly; and it hands out a
//! mark instead of a copy. The caller has to ask the [`Meter`] whether the verdict counts.

use std::{borrow::Cow, cell::Cell, ops::ControlFlow};

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, cmp, unique},
};
use serde_json::{Map, Number, Value};

use crate::{error::shortened, limits::CHECK_DEPTH_MAX};

/// Steps that one reported violation costs. It takes some hundred bytes until the check ends.
const STEPS_PER_VIOLATION: usize = 256;

/// Characters of a member's name in an error about it.
const NAME_CHARS_SHOWN: usize = 100;

/// The mark in an error that was found while there were steps left.
const SEEN: Value = Value::Null;
/// The mark in an error that may come from the steps having run out.
const UNSEEN: Value = Value::Bool(false);

/// Steps that a byte costs each time something reads it: more when a pattern reads it.
#[derive(Clone, Copy)]
pub(crate) struct Prices {
    /// A byte of a text.
    pub(crate) text: usize,
    /// A byte of a member's name.
    pub(crate) name: usize,
}

/// The steps that a check has left; none once it asked for more than there were.
pub(crate) struct Meter {
    left: Cell<Option<u32>>,
    prices: Prices,
    /// How deep values are shown.
    depth_max: u16,
}

impl Meter {
    /// Starts with this many steps.
    pub(crate) fn new(steps: u32, prices: Prices, depth_max: u16) -> Self {
        Self { left: Cell::new(Some(steps)), prices, depth_max }
    }

    /// Whether the check asked for more than there were. Anything found since then means nothing.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get().is_none()
    }

    /// Takes steps, and tells whether there were that many left.
    fn take(&self, steps: usize) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(u32::try_from(steps).ok()?));
        self.left.set(left);
        left.is_some()
    }

    fn spend(&self) {
        self.left.set(None);
    }
}

/// Whether an error was found before the steps ran out.
pub(crate) fn counts(error: &jsonschema::ValidationError<'_>) -> bool {
    *error.instance().as_ref() == SEEN
}

/// The representation of JSON for `jsonschema` whose values are [`View`]s.
pub(crate) struct Metered;

/// One value of a payload.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    value: &'a Value,
    meter: &'a Meter,
    depth: u16,
    /// Whether this is the name of a member in place of a value.
    is_name: bool,
}

impl<'a> View<'a> {
    /// The whole payload.
    pub(crate) fn new(payload: &'a Value, meter: &'a Meter) -> Self {
        Self { value: payload, meter, depth: 0, is_name: false }
    }

    /// The value, or `null` when the steps have run out.
    fn look(&self) -> &'a Value {
        if self.meter.take(1) { self.value } else { &Value::Null }
    }

    /// The content of the value, unless it lies too deep.
    fn opened<T>(&self, content: T) -> Option<Opened<'a, T>> {
        if self.depth == self.meter.depth_max {
            self.meter.spend();
            return None;
        }
        Some(Opened { content, meter: self.meter, depth: self.depth + 1 })
    }
}

impl Json for Metered {
    type Node<'a> = View<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    /// Names go through [`Object::try_for_each_name_node`], where their meter is at hand.
    fn with_string_node<T>((): &mut (), name: &str, f: impl FnOnce(View<'_>) -> T) -> T {
        let unmetered = Meter::new(u32::MAX, Prices { text: 1, name: 1 }, CHECK_DEPTH_MAX);
        f(View::new(&Value::String(name.to_owned()), &unmetered))
    }
}

impl<'a> Node<'a, Metered> for View<'a> {
    type Object = Opened<'a, &'a Map<String, Value>>;
    type Array = Opened<'a, &'a [Value]>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Self::Object> {
        self.opened(self.look().as_object()?)
    }

    fn as_array(&self) -> Option<Self::Array> {
        self.opened(self.look().as_array()?.as_slice())
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.look().as_str()?;
        // A text that is taken is going to be read.
        self.meter.take(text.len().saturating_mul(self.meter.prices.text)).then_some(Cow::Borrowed(text))
    }

    /// Counting is many times faster than reading.
    fn string_length(&self) -> Option<u64> {
        const BYTES_PER_STEP: usize = 64;
        let text = self.look().as_str()?;
        self.meter.take(text.len() / BYTES_PER_STEP);
        Some(text.chars().count() as u64)
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.look().as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.look().as_bool()
    }

    fn is_null(&self) -> bool {
        self.look().is_null()
    }

    fn json_type(&self) -> JsonType {
        match self.look() {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    /// A comparison reads no more than both sides have in common, so it is one step.
    fn equals_value(&self, expected: &Value) -> bool {
        cmp::equal(self.look(), expected)
    }

    /// Called for errors only, which need not know the value: messages do not repeat it. Names are
    /// no secrets, and an error about one is of little use without it.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self.value {
            _ if !self.meter.take(STEPS_PER_VIOLATION) => UNSEEN,
            Value::String(name) if self.is_name => Value::String(shortened(name, NAME_CHARS_SHOWN)),
            _ => SEEN,
        })
    }

    /// The address, as values do not move during a check.
    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.value).addr()))
    }
}

/// The content of an object or an array.
#[derive(Clone, Copy)]
pub(crate) struct Opened<'a, T> {
    content: T,
    meter: &'a Meter,
    depth: u16,
}

impl<'a, T> Opened<'a, T> {
    fn without_content(&self) -> Opened<'a, ()> {
        Opened { content: (), meter: self.meter, depth: self.depth }
    }

    fn view(&self, value: &'a Value) -> View<'a> {
        View { value, meter: self.meter, depth: self.depth, is_name: false }
    }
}

impl<'a> Object<'a, Metered> for Opened<'a, &'a Map<String, Value>> {
    type Node = View<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.content.len()
    }

    fn get(&self, key: &String) -> Option<View<'a>> {
        self.meter.take(1).then_some(())?;
        self.content.get(key).map(|value| self.view(value))
    }

    fn members(&self) -> Members<'a> {
        Members { entries: self.content.iter(), opened: self.without_content() }
    }

    fn try_for_each_name_node<B>(&self, (): &mut (), mut f: impl FnMut(View<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
        self.members().try_for_each(|(name, _)| {
            let name = Value::String(name.to_owned());
            f(View { value: &name, meter: self.meter, depth: self.depth, is_name: true })
        })
    }
}

/// The members of an object; they end when the steps do.
pub(crate) struct Members<'a> {
    entries: serde_json::map::Iter<'a>,
    opened: Opened<'a, ()>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.entries.next()?;
        let meter = self.opened.meter;
        let steps = name.len().saturating_mul(meter.prices.name);
        meter.take(1 + steps).then(|| (name.as_str(), self.opened.view(value)))
    }
}

impl<'a> Array<'a, Metered> for Opened<'a, &'a [Value]> {
    type Node = View<'a>;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.content.len()
    }

    fn elements(&self) -> Elements<'a> {
        Elements { items: self.content.iter(), opened: self.without_content() }
    }

    /// Long arrays are hashed, so that each element is read about once.
    fn is_unique(&self) -> bool {
        !self.meter.take(self.content.len()) || unique::is_unique(self.content)
    }
}

/// The elements of an array; they end when the steps do.
pub(crate) struct Elements<'a> {
    items: std::slice::Iter<'a, Value>,
    opened: Opened<'a, ()>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<View<'a>> {
        let item = self.items.next()?;
        self.opened.meter.take(1).then(|| self.opened.view(item))
    }
}
