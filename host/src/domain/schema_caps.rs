//! How deep and how wide the schemas of an organization may be, by its plan (contract 6.3).

use std::fmt;

use weir_schema::{
    Caps,
    limits::{SCHEMA_DEPTH_MAX, SCHEMA_PROPERTIES_MAX},
};

use super::{
    limits::{SCHEMA_DEPTH_SETTING_MAX, SCHEMA_PROPERTIES_SETTING_MAX},
    plan::Plan,
};

/// No limit.
const NONE: usize = usize::MAX;

/// A number for each plan. Its text is one number for all, or the plans that differ from the default:
/// `PRO=8,ENTERPRISE=16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByPlan {
    /// In the order of [`Plan::ALL`].
    numbers: [usize; Plan::ALL.len()],
}

impl ByPlan {
    const fn all(number: usize) -> Self {
        Self { numbers: [number; Plan::ALL.len()] }
    }

    /// The contract's depth of schemas.
    pub const fn depth() -> Self {
        Self::all(SCHEMA_DEPTH_MAX)
    }

    /// The contract's number of properties.
    pub const fn properties() -> Self {
        Self::all(SCHEMA_PROPERTIES_MAX)
    }

    /// The subscriptions of an organization, and so the deliveries of one event: enough for what the plan is
    /// made for.
    pub const fn subscriptions() -> Self {
        Self { numbers: [10, 50, 500, NONE] }
    }

    /// Reads depths of schemas; plans that the text does not name keep the contract's.
    pub fn parse_depth(text: &str) -> Result<Self, String> {
        Self::depth().with(text, SCHEMA_DEPTH_SETTING_MAX)
    }

    /// Reads numbers of properties; plans that the text does not name keep the contract's.
    pub fn parse_properties(text: &str) -> Result<Self, String> {
        Self::properties().with(text, SCHEMA_PROPERTIES_SETTING_MAX)
    }

    /// Reads numbers of subscriptions, or `none` for no limit; plans that the text does not name keep theirs.
    pub fn parse_subscriptions(text: &str) -> Result<Self, String> {
        Self::subscriptions().with(text, NONE)
    }

    fn with(mut self, text: &str, most: usize) -> Result<Self, String> {
        let number = |text: &str| match (text.trim(), text.trim().parse()) {
            ("none", _) if most == NONE => Ok(NONE),
            (_, Ok(number)) if number >= 1 && number <= most => Ok(number),
            _ if most == NONE => Err(format!("{text:?} is neither a number from 1 nor \"none\"")),
            _ => Err(format!("{text:?} is no number from 1 to {most}")),
        };
        if !text.contains('=') {
            return number(text).map(Self::all);
        }
        for pair in text.split(',') {
            let (plan, text) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no PLAN=NUMBER"))?;
            let plan = Plan::parse(plan.trim())
                .ok_or_else(|| format!("{plan:?} is no plan: {}", Plan::ALL.map(Plan::as_str).join(", ")))?;
            self.numbers[plan as usize] = number(text)?;
        }
        Ok(self)
    }

    /// The number of a plan; `usize::MAX` is no limit.
    pub const fn of(self, plan: Plan) -> usize {
        self.numbers[plan as usize]
    }
}

impl fmt::Display for ByPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, ..] = self.numbers;
        let text = |number: usize| if number == NONE { "none".to_owned() } else { number.to_string() };
        if *self == Self::all(first) {
            return f.write_str(&text(first));
        }
        let pairs = Plan::ALL.map(|plan| format!("{}={}", plan.as_str(), text(self.of(plan))));
        f.write_str(&pairs.join(","))
    }
}

/// The caps of schemas, by plan.
#[derive(Clone, Copy, Debug)]
pub struct SchemaCaps {
    /// Levels of objects and arrays in one another.
    pub depth: ByPlan,
    /// Properties of all levels together.
    pub properties: ByPlan,
}

impl SchemaCaps {
    /// The caps of a plan.
    pub const fn of(self, plan: Plan) -> Caps {
        Caps { depth_max: self.depth.of(plan), properties_max: self.properties.of(plan) }
    }
}

/// The contract's caps, which are those of all plans.
impl Default for SchemaCaps {
    fn default() -> Self {
        Self { depth: ByPlan::depth(), properties: ByPlan::properties() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_for_all_plans_and_pairs_are_for_some() {
        let all = ByPlan::parse_depth("8").expect("a number");
        assert_eq!(Plan::ALL.map(|plan| all.of(plan)), [8; 4]);
        let some = ByPlan::parse_depth("PRO=8, ENTERPRISE=16").expect("pairs");
        assert_eq!(Plan::ALL.map(|plan| some.of(plan)), [5, 5, 8, 16]);
        for caps in [all, some] {
            assert_eq!(ByPlan::parse_depth(&caps.to_string()), Ok(caps));
        }
        let caps = SchemaCaps { depth: some, ..SchemaCaps::default() };
        assert_eq!(caps.of(Plan::Enterprise), Caps { depth_max: 16, properties_max: 50 });
    }

    #[test]
    fn what_is_no_cap_is_refused() {
        for text in ["", "0", "-1", "x", "PRO", "PRO=", "PRO=0", "GOLD=5", "PRO=5,6", "pro=5"] {
            assert!(ByPlan::parse_depth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn schema_depth_setting_max() {
        assert!(ByPlan::parse_depth(&SCHEMA_DEPTH_SETTING_MAX.to_string()).is_ok());
        assert!(ByPlan::parse_depth(&(SCHEMA_DEPTH_SETTING_MAX + 1).to_string()).is_err());
    }

    #[test]
    fn schema_properties_setting_max() {
        assert!(ByPlan::parse_properties(&SCHEMA_PROPERTIES_SETTING_MAX.to_string()).is_ok());
        assert!(ByPlan::parse_properties(&(SCHEMA_PROPERTIES_SETTING_MAX + 1).to_string()).is_err());
    }
}
