//! Programs: the components that serve a delivery, pinned when it is routed.

use std::{fmt::Write as _, sync::Arc};

use weir_runtime::Digest;

use super::id::{OrganizationId, ProgramId};

/// The built-in components that new programs are made of.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIns {
    /// The adapter for webhooks of subscriptions.
    pub webhook: Digest,
    /// The adapter for external peers of federation groups.
    pub relay: Digest,
}

/// A component with its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramStep {
    /// The digest of the component.
    pub digest: Digest,
    /// The component's configuration, a JSON object.
    pub config: Arc<str>,
}

/// The components that serve a delivery, in the order of their calls. All attempts of one delivery have the
/// same program, whatever is uploaded, configured or upgraded meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// A hash of everything else, so that equal programs are stored once.
    pub id: ProgramId,
    pub organization_id: OrganizationId,
    /// Reshapes the event; `None` when the event stays as it is.
    pub transformer: Option<ProgramStep>,
    /// The adapter that describes the request.
    pub handler: ProgramStep,
}

impl Program {
    /// A program of these steps.
    pub fn new(organization_id: OrganizationId, transformer: Option<ProgramStep>, handler: ProgramStep) -> Self {
        // A digest has no line break, and the lengths of the configurations keep the parts apart.
        let mut text = format!("{organization_id}\n");
        for step in [transformer.as_ref(), Some(&handler)] {
            // Writing to a `String` cannot fail.
            let _ = match step {
                Some(step) => writeln!(text, "{} {} {}", step.digest, step.config.len(), step.config),
                None => writeln!(text, "-"),
            };
        }
        Self { id: ProgramId::of_content(&Digest::of(text.as_bytes())), organization_id, transformer, handler }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(organization: &str, transformer: Option<&str>, config: &str) -> ProgramId {
        let step = |config: &str| ProgramStep { digest: Digest::of(b"component"), config: config.into() };
        Program::new(OrganizationId::stored(organization), transformer.map(step), step(config)).id
    }

    #[test]
    fn equal_programs_have_one_id_and_others_have_others() {
        let one = program("org_a", None, "{}");
        assert_eq!(one, program("org_a", None, "{}"));
        let others = [
            program("org_b", None, "{}"),
            program("org_a", Some("{}"), "{}"),
            program("org_a", None, "{ }"),
            program("org_a", Some("{}\n"), "{}"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, one);
            assert!(!others[..at].contains(other));
        }
    }
}
