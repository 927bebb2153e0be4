//! Random chains of versions: what one version takes, no later one of the chain may refuse.
//!
//! `WEIR_SCHEMA_CHAINS` is the number of chains, `WEIR_SCHEMA_SEED` the first seed.

use std::env;

use serde_json::{Value, json};

use super::{
    super::{Compatibility, MODES, Pair, chain::broken},
    Dice,
    draw::{Deck, Drawn},
    hunt,
    mutations::{Kind, mutate},
};

/// Chains of a run, unless `WEIR_SCHEMA_CHAINS` sets another number.
const CHAINS: u64 = 150;
/// Versions that are proposed for a chain.
const PROPOSED: usize = 6;
/// Payloads that are tried on each earlier version.
const TRIES: usize = 20;

/// A version that may follow: the last one changed, or without one of its properties, or with one that
/// an earlier version had, as it was or with another schema.
fn proposal(versions: &[Value], dice: &mut Dice) -> Value {
    let mut next = versions.last().cloned().expect("a first version");
    let Some(members) = next.get_mut("properties").and_then(Value::as_object_mut) else {
        mutate(&mut next, Kind::Any, dice);
        return next;
    };
    let had: Vec<(&String, &Value)> =
        versions.iter().filter_map(|version| version["properties"].as_object()).flatten().collect();
    let gone = had.iter().find(|(name, _)| !members.contains_key(name.as_str()));
    match (gone, dice.choose(&had)) {
        (Some((name, schema)), _) if dice.chance(50) => {
            let other = [json!({ "type": "integer" }), json!({ "type": "string" }), json!({ "type": "null" })];
            let schema = if dice.chance(30) { (*schema).clone() } else { other[dice.below(other.len())].clone() };
            members.insert((*name).clone(), schema);
        }
        (_, Some((name, _))) if dice.chance(40) => drop(members.shift_remove(name.as_str())),
        _ => mutate(&mut next, if dice.chance(60) { Kind::Widening } else { Kind::Any }, dice),
    }
    next
}

/// The sentence about an earlier version that the last one of the chain breaks.
fn flaw(versions: &[Value], mode: Compatibility, dice: &mut Dice) -> Option<String> {
    let (new, earlier) = versions.split_last()?;
    earlier.iter().find_map(|old| {
        let broken = hunt(&Pair::read(old, new)?, mode, TRIES, dice).broken?;
        Some(json!({ "mode": format!("{mode:?}"), "old": old, "chain": versions, "witness": broken }).to_string())
    })
}

#[test]
fn no_accepted_chain_breaks() {
    let setting = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = setting("WEIR_SCHEMA_SEED").unwrap_or(0);
    let chains = setting("WEIR_SCHEMA_CHAINS").unwrap_or(CHAINS);
    let (deck, mut steps, mut refused_by_older) = (Deck::new(), 0_u64, 0_u64);
    for seed in first..first + chains {
        let mut dice = Dice::new(seed);
        let mode = MODES[dice.below(MODES.len())];
        let Drawn { old, .. } = deck.draw(&mut dice);
        let mut versions = vec![old];
        for _ in 0..PROPOSED {
            let new = proposal(&versions, &mut dice);
            if versions.last() == Some(&new) || Pair::read(&versions[0], &new).is_none() {
                continue;
            }
            let newest_first: Vec<Value> = versions.iter().rev().cloned().collect();
            match broken(&newest_first, &new, mode) {
                Some((0, _)) => {}
                Some((earlier, payload)) => {
                    refused_by_older += 1;
                    let pair = Pair::read(&newest_first[earlier], &new).expect("read before");
                    assert!(payload.is_none_or(|payload| pair.is_broken_by(&payload, mode)), "seed {seed}");
                }
                None => {
                    steps += 1;
                    versions.push(new);
                    assert_eq!(flaw(&versions, mode, &mut dice), None, "seed {seed}");
                }
            }
        }
    }
    println!("{steps} versions followed, {refused_by_older} were refused because of an older version than the last");
    assert!(steps > chains && refused_by_older > chains / 20, "{steps} followed, {refused_by_older} refused");
}
