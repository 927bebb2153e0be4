//! Names of events: namespace, name, version, and the canonical name made of them (contract 6.1).

use std::{fmt, str::FromStr};

use super::id::OrganizationId;
use crate::{error::Result, fail};

/// The platform's own namespace.
pub const PLATFORM_NAMESPACE: &str = "platformxe";
/// The name of the catch-all event that every organization has.
pub const GENERIC_NAME: &str = "generic";
/// The prefix of every canonical name.
pub const CANONICAL_PREFIX: &str = "TENANT_CUSTOM:";

/// Namespaces that no organization may register under.
pub const RESERVED_NAMESPACES: [&str; 14] = [
    "identity",
    "fraud",
    "permissions",
    "messaging",
    "webhooks",
    "workflows",
    "auth",
    "platform",
    "platformxe",
    "events",
    "subscriptions",
    "domains",
    "templates",
    "generic",
];

/// Longest namespace, in characters.
const NAMESPACE_CHARS_MAX: usize = 31;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 61;

/// The name of an event without its version: a namespace and a name, such as `lettings` and
/// `property.favorited`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventName {
    namespace: Box<str>,
    name: Box<str>,
}

impl EventName {
    /// Checks both parts; codes `invalid_namespace`, `invalid_name`. The reserved list is not
    /// consulted here: the platform's own event is a legal name.
    pub fn new(namespace: &str, name: &str) -> Result<Self> {
        check_namespace(namespace)?;
        check_name(name)?;
        Ok(Self { namespace: namespace.into(), name: name.into() })
    }

    /// Reads `<namespace>.<name>`, and checks both; a namespace has no dot, so the first one separates.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((namespace, name)) = text.split_once('.') else {
            return Err(fail!(InvalidName, "an event is named <namespace>.<name>; {text:?} has no dot"));
        };
        Self::new(namespace, name)
    }

    /// Takes parts that this host stored.
    pub fn stored(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The catch-all event of every organization.
    pub fn generic() -> Self {
        Self::stored(PLATFORM_NAMESPACE, GENERIC_NAME)
    }

    /// The part before the first dot.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The part after the first dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the catch-all event.
    pub fn is_generic(&self) -> bool {
        &*self.namespace == PLATFORM_NAMESPACE && &*self.name == GENERIC_NAME
    }

    /// `TENANT_CUSTOM:<organization>:<namespace>.<name>@<version>`.
    pub fn canonical(&self, organization: &OrganizationId, version: impl fmt::Display) -> String {
        format!("{CANONICAL_PREFIX}{organization}:{self}@{version}")
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// `^[a-z][a-z0-9_-]{1,30}$`; code `invalid_namespace`.
pub fn check_namespace(namespace: &str) -> Result<()> {
    let legal = is_name(namespace, NAMESPACE_CHARS_MAX, |b| matches!(b, b'_' | b'-'));
    if legal {
        Ok(())
    } else {
        Err(fail!(InvalidNamespace, "{} does not match ^[a-z][a-z0-9_-]{{1,30}}$", quoted(namespace)))
    }
}

/// `^[a-z][a-z0-9_.-]{1,60}$`; code `invalid_name`.
pub fn check_name(name: &str) -> Result<()> {
    let legal = is_name(name, NAME_CHARS_MAX, |b| matches!(b, b'_' | b'-' | b'.'));
    if legal { Ok(()) } else { Err(fail!(InvalidName, "{} does not match ^[a-z][a-z0-9_.-]{{1,60}}$", quoted(name))) }
}

/// Whether the namespace is one that no organization may register under.
pub fn is_reserved(namespace: &str) -> bool {
    RESERVED_NAMESPACES.contains(&namespace)
}

fn is_name(text: &str, chars_max: usize, also: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    (2..=chars_max).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes[1..].iter().all(|&b| b.is_ascii_lowercase() || b.is_ascii_digit() || also(b))
}

/// The text in quotes, shortened, because a text from outside may have any length.
fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{shown:?}")
}

/// A strict three-part version. No part may exceed `u32`, and none has a leading zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Raised for changes that may break emitters.
    pub major: u32,
    /// Raised for backwards-compatible changes.
    pub minor: u32,
    /// Raised for changes of descriptions.
    pub patch: u32,
}

/// The step from one version of an event to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// The first version of an event.
    Initial,
    /// Only descriptions change.
    Patch,
    /// Payloads of the version before stay valid.
    Minor,
    /// Anything may change.
    Major,
}

impl Bump {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The bump from `highest`, the highest registered version of any status, to this one. Only
    /// single steps are legal; codes `version_already_exists`, `version_downgrade`,
    /// `version_invalid_jump`.
    pub fn bump_from(self, highest: Option<Self>) -> Result<Bump> {
        let Some(highest) = highest else { return Ok(Bump::Initial) };
        if self == highest {
            return Err(fail!(VersionAlreadyExists, "version {self} is registered already"));
        }
        if self < highest {
            return Err(fail!(VersionDowngrade, "version {self} is lower than {highest}, the highest registered one"));
        }
        let steps = highest.steps();
        let step = steps.into_iter().find(|(next, _)| *next == Some(self));
        step.map(|(_, bump)| bump).ok_or_else(|| {
            let legal: Vec<_> = steps.iter().filter_map(|(next, _)| next.map(|v| v.to_string())).collect();
            fail!(
                VersionInvalidJump,
                "version {self} is no single step from {highest}; the next may be {}",
                legal.join(", ")
            )
        })
    }

    /// The three single steps; a part that cannot be counted up any further has none.
    fn steps(self) -> [(Option<Self>, Bump); 3] {
        [
            (self.patch.checked_add(1).map(|patch| Self { patch, ..self }), Bump::Patch),
            (self.minor.checked_add(1).map(|minor| Self::new(self.major, minor, 0)), Bump::Minor),
            (self.major.checked_add(1).map(|major| Self::new(major, 0, 0)), Bump::Major),
        ]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || {
            fail!(
                InvalidVersionFormat,
                "{} is not MAJOR.MINOR.PATCH, three numbers without leading zeros",
                quoted(text)
            )
        };
        let version = semver::Version::parse(text).map_err(|cause| malformed().caused_by(cause))?;
        if !version.pre.is_empty() || !version.build.is_empty() {
            return Err(malformed());
        }
        let part = |number: u64| u32::try_from(number).map_err(|_| malformed());
        Ok(Self::new(part(version.major)?, part(version.minor)?, part(version.patch)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn names_end_at_their_limits() {
        assert!(check_namespace(&"a".repeat(31)).is_ok());
        assert!(check_namespace(&"a".repeat(32)).is_err());
        assert!(check_name(&"a".repeat(61)).is_ok());
        assert!(check_name(&"a".repeat(62)).is_err());
        for wrong in ["", "a", "A1", "1a", "a.b", "aé", "a b", "ab\n"] {
            assert!(check_namespace(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_event_name_splits_at_the_first_dot() {
        let name = EventName::parse("lettings.property.favorited").expect("legal");
        assert_eq!((name.namespace(), name.name()), ("lettings", "property.favorited"));
        assert!(EventName::parse("lettings").is_err());
    }

    #[test]
    fn versions_are_strict() {
        assert_eq!("1.20.3".parse::<Version>().expect("legal"), Version::new(1, 20, 3));
        for wrong in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-rc.1",
            "1.0.0+1",
            "v1.0.0",
            " 1.0.0",
            "4294967296.0.0",
            "-1.0.0",
        ] {
            let code = wrong.parse::<Version>().map_err(|e| e.code());
            assert_eq!(code, Err(Code::InvalidVersionFormat), "{wrong:?}");
        }
    }

    #[test]
    fn only_single_steps_are_legal() {
        let highest = Some(Version::new(1, 2, 3));
        let bump = |text: &str| text.parse::<Version>().expect("legal").bump_from(highest).map_err(|e| e.code());
        assert_eq!(bump("1.2.4"), Ok(Bump::Patch));
        assert_eq!(bump("1.3.0"), Ok(Bump::Minor));
        assert_eq!(bump("2.0.0"), Ok(Bump::Major));
        assert_eq!(bump("1.2.3"), Err(Code::VersionAlreadyExists));
        assert_eq!(bump("1.2.2"), Err(Code::VersionDowngrade));
        for jump in ["1.2.5", "1.3.1", "1.4.0", "2.0.1", "2.1.0", "3.0.0"] {
            assert_eq!(bump(jump), Err(Code::VersionInvalidJump), "{jump}");
        }
        assert_eq!(Version::new(7, 7, 7).bump_from(None).map_err(|e| e.code()), Ok(Bump::Initial));
    }

    #[test]
    fn the_largest_version_has_no_next_patch() {
        let largest = Version::new(u32::MAX, u32::MAX, u32::MAX);
        assert_eq!(Version::new(0, 0, 1).bump_from(Some(largest)).map_err(|e| e.code()), Err(Code::VersionDowngrade));
    }
}
