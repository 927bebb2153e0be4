//! Judging a proposed version: its schema, its example, and how it follows from the version before
//! (contract 2.10, 6.2).
//!
//! Registering and trying out give the same verdict because both judge here. Judging takes up to
//! some milliseconds of a core, so no transaction is open meanwhile: the proposal is compared with a
//! [`Base`] that was read before, and registering compares the base with the table again.

use std::sync::Arc;

use weir_schema::{Caps, Compatibility, Converted, Flavour, Refusal, limits::CHAIN_VERSIONS_MAX};

use crate::{
    db::{self, Tx, registration::VersionState},
    domain::{
        id::{OrganizationId, RegistrationId},
        name::{Bump, EventName, Version},
    },
    error::{Code, Error, Result},
    fail,
    service::Host,
};

/// Schemas that are read for a comparison: one more than are compared, which refuses the proposal.
const COMPARED_MAX: usize = CHAIN_VERSIONS_MAX + 1;

/// A version that is to be registered.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) event: EventName,
    pub(super) version: Version,
    pub(super) payload_schema: String,
    pub(super) payload_example: Option<String>,
    pub(super) compatibility: Compatibility,
}

/// What a proposal is compared with, whatever the status of those versions.
#[derive(Debug)]
pub(super) struct Base {
    /// The highest version; `None` for the first one of an event.
    highest: Option<RegistrationId>,
    /// How the proposal follows from the highest version, or why it does not.
    bump: Result<Bump>,
    /// The schemas that the proposal has to agree with, the highest version first: for a patch that of
    /// the version before, for a minor those of all versions with the same major number but patches, whose
    /// schemas say what the one before says. Empty for other bumps.
    schemas: Vec<(Version, String)>,
}

/// The verdict on a proposal that may be registered.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// SHA-256 of the schema's canonical JSON, in hex.
    pub schema_hash: String,
    /// The dialect that the schema is written in.
    pub schema_flavour: Flavour,
    /// How the version relates to the one before.
    pub semver_bump: Bump,
    /// Levels of the schema.
    pub schema_depth: u32,
    /// Keys of all its `properties`.
    pub schema_property_count: u32,
    /// The schema to be stored, if it is not the one that was sent.
    pub converted: Option<Converted>,
}

impl Base {
    /// Finds the base of a proposal among the present versions of its event, `states`.
    pub(super) async fn read(
        tx: &mut Tx,
        organization: &OrganizationId,
        proposal: &Proposal,
        states: &[VersionState],
    ) -> Result<Self> {
        let bump = bump(proposal, states);
        let highest = states.first();
        let schemas = match (&bump, highest) {
            (Ok(Bump::Patch), Some(highest)) => {
                let registration = db::registration::find(tx, organization, &highest.id)
                    .await?
                    .ok_or_else(|| Error::gone(&highest.id))?;
                vec![(highest.version, registration.payload_schema)]
            }
            (Ok(Bump::Minor), Some(highest)) => {
                let major = highest.version.major;
                db::registration::schemas_of_major(tx, organization, &proposal.event, major, COMPARED_MAX).await?
            }
            _ => Vec::new(),
        };
        Ok(Self { highest: highest.map(|state| state.id.clone()), bump, schemas })
    }

    /// Whether the base is still the highest of these versions: versions only ever come on top.
    pub(super) fn is_highest_of(&self, states: &[VersionState]) -> bool {
        self.highest.as_ref() == states.first().map(|state| &state.id)
    }
}

fn bump(proposal: &Proposal, states: &[VersionState]) -> Result<Bump> {
    let (event, version) = (&proposal.event, proposal.version);
    if states.iter().any(|state| state.version == version) {
        return Err(fail!(VersionAlreadyExists, "{event}@{version} is registered already"));
    }
    version.bump_from(states.first().map(|highest| highest.version))
}

/// Judges a proposal, in the contract's order: caps, compiler, example, version, and the promise that
/// a patch or minor version makes. `caps` are those of the organization's plan.
pub(super) async fn judge(
    host: &Host,
    organization: &OrganizationId,
    caps: Caps,
    proposal: &Arc<Proposal>,
    base: &Arc<Base>,
) -> Result<Verdict> {
    let (proposal, base) = (proposal.clone(), base.clone());
    host.cpu.try_run(organization, move || verdict(&proposal, &base, caps)).await?
}

fn verdict(proposal: &Proposal, base: &Base, caps: Caps) -> Result<Verdict> {
    let converted = weir_schema::convert(&proposal.payload_schema)?;
    let text = converted.as_ref().map_or(&proposal.payload_schema, |converted| &converted.schema_text);
    let schema = weir_schema::inspect_within(text, caps)?;
    if let Some(example) = &proposal.payload_example {
        let example = serde_json::from_str(example)
            .map_err(|cause| fail!(PayloadExampleDoesNotMatchSchema, "the example cannot be read: {cause}"))?;
        schema.validator.check(&example).map_err(|refusal| example_does_not_match(&refusal))?;
    }
    let semver_bump = *base.bump.as_ref().map_err(Error::share)?;
    match semver_bump {
        Bump::Patch => check_patch(proposal, text, &base.schemas)?,
        Bump::Minor => check_minor(proposal, text, &base.schemas)?,
        Bump::Initial | Bump::Major => {}
    }
    Ok(Verdict {
        schema_hash: schema.hash,
        schema_flavour: schema.flavour,
        semver_bump,
        schema_depth: schema.depth,
        schema_property_count: schema.property_count,
        converted,
    })
}

fn example_does_not_match(refusal: &weir_schema::Error) -> Error {
    let own = Error::new(Code::PayloadExampleDoesNotMatchSchema, "payloadExample breaks payloadSchema");
    own.with_details(refusal.details())
}

fn check_patch(proposal: &Proposal, schema: &str, before: &[(Version, String)]) -> Result<()> {
    for (before, old) in before {
        if !weir_schema::is_patch_equal(old, schema)? {
            let version = proposal.version;
            return Err(fail!(
                PatchMustBeByteEqual,
                "{version} changes more than descriptions of {before}; a minor or major may"
            ));
        }
    }
    Ok(())
}

fn check_minor(proposal: &Proposal, schema: &str, earlier: &[(Version, String)]) -> Result<()> {
    let schemas: Vec<&str> = earlier.iter().map(|(_, schema)| schema.as_str()).collect();
    let broken = weir_schema::check_minor_of_all(&schemas, schema, proposal.compatibility)?;
    broken.map_err(|broken| not_compatible(proposal.version, earlier[broken.earlier].0, &broken.refusal))
}

/// The refusal names the version whose payloads may be refused.
fn not_compatible(version: Version, earlier: Version, refusal: &Refusal) -> Error {
    let why = refusal.violations.first();
    let why = why.map_or_else(String::new, |violation| format!(": at {:?}, {}", violation.path, violation.reason));
    let mut details = refusal.details();
    if let Some(details) = details.as_object_mut() {
        details.insert("version".to_owned(), earlier.to_string().into());
    }
    fail!(MinorMustBeBackwardsCompatible, "{version} may refuse what {earlier} takes{why}").with_details(details)
}
