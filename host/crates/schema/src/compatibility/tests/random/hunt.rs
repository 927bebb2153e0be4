//! Hunts for a payload that was valid and no longer is.

use serde_json::{Map, Value, json};

use super::{
    super::{Compatibility, Pair, declared},
    dice::Dice,
    instances::Builder,
    pool::Pool,
};

/// The result of a hunt.
pub(in super::super) struct Catch {
    /// A payload that counts under the old schema and that the new one refuses.
    pub(in super::super) broken: Option<Value>,
    /// The number of payloads tried that count.
    pub(in super::super) counted: usize,
}

/// Tries payloads: some are built from the old schema, others are changes of those that count.
pub(in super::super) fn hunt(pair: &Pair<'_>, mode: Compatibility, tries: usize, dice: &mut Dice) -> Catch {
    let pool = Pool::of(&[pair.old, pair.new]);
    let builder = Builder::new(pair.old, &pool);
    let mut counting: Vec<Value> = Vec::new();
    for _ in 0..tries {
        // A changed payload that counts finds more than another one that is built.
        let payload = match dice.choose(&counting) {
            Some(known) if dice.chance(60) => altered(known, &pool, dice),
            _ if dice.chance(5) => pool.any(dice, 3),
            _ => builder.build(dice),
        };
        let payload = match mode {
            Compatibility::Declared => declared::pruned(pair.old, &payload),
            Compatibility::Strict => payload,
        };
        if pair.before.check(&payload).is_err() || counting.contains(&payload) {
            continue;
        }
        if pair.is_broken_by(&payload, mode) {
            return Catch { counted: counting.len() + 1, broken: Some(payload) };
        }
        counting.push(payload);
    }
    Catch { counted: counting.len(), broken: None }
}

fn altered(payload: &Value, pool: &Pool, dice: &mut Dice) -> Value {
    let mut altered = payload.clone();
    for _ in 0..=dice.below(2) {
        alter(&mut altered, pool, dice);
    }
    altered
}

/// Changes one thing in the payload, anywhere.
fn alter(payload: &mut Value, pool: &Pool, dice: &mut Dice) {
    match payload {
        Value::Object(members) if !members.is_empty() && dice.chance(75) => {
            let at = dice.below(members.len());
            if let Some((_, member)) = members.iter_mut().nth(at) {
                alter(member, pool, dice);
            }
        }
        Value::Array(elements) if !elements.is_empty() && dice.chance(60) => {
            let at = dice.below(elements.len());
            alter(&mut elements[at], pool, dice);
        }
        Value::Object(members) if dice.chance(85) => alter_members(members, pool, dice),
        Value::Array(elements) if dice.chance(85) => alter_elements(elements, pool, dice),
        Value::String(text) if dice.chance(50) => {
            if dice.chance(50) {
                text.pop();
            } else {
                text.push_str(dice.pick(&["a", "b", "1", "Z", " ", "\n"]));
            }
        }
        Value::Number(number) if dice.chance(50) => {
            let by = [-1.0, 1.0, 0.5, -0.5][dice.below(4)];
            *payload = json!(number.as_f64().unwrap_or(0.0) + by);
        }
        other => *other = pool.any(dice, 1),
    }
}

fn alter_members(members: &mut Map<String, Value>, pool: &Pool, dice: &mut Dice) {
    if !members.is_empty() && dice.chance(50) {
        let name = members.keys().nth(dice.below(members.len())).cloned();
        name.and_then(|name| members.shift_remove(&name));
    } else {
        members.insert(pool.name(dice).to_owned(), pool.any(dice, 1));
    }
}

fn alter_elements(elements: &mut Vec<Value>, pool: &Pool, dice: &mut Dice) {
    match dice.below(3) {
        0 => drop(elements.pop()),
        1 => elements.push(pool.any(dice, 1)),
        _ => elements.extend(elements.first().cloned()),
    }
}
