//! Requests of the operator.

use serde::Deserialize;

use crate::{
    domain::{organization::Environment, plan::Plan},
    error::{Code, Result},
    fail,
    http::extract::{required, time},
    service::organization::{NewOrganization, PatchOrganization, keys::NewKey},
};

/// The code for a body of the wrong shape outside of custom events (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::BadRequest;

/// The longest overlap of a rotated key: a week, as for signing secrets.
const GRACE_SECONDS_MAX: u32 = 604_800;

/// An organization to create.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    name: Option<String>,
    slug: Option<String>,
    plan: Option<String>,
    region: Option<String>,
    billing_email: Option<String>,
}

impl Create {
    pub(super) fn request(&self) -> Result<NewOrganization<'_>> {
        Ok(NewOrganization {
            name: required(self.name.as_deref(), "name", WRONG_SHAPE)?,
            slug: self.slug.as_deref(),
            plan: self.plan.as_deref().map(plan).transpose()?.unwrap_or(Plan::Free),
            region: self.region.as_deref(),
            billing_email: self.billing_email.as_deref(),
            environment: Environment::Live,
        })
    }
}

/// A change of an organization; what is `None` stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Patch {
    name: Option<String>,
    plan: Option<String>,
    is_active: Option<bool>,
}

impl Patch {
    pub(super) fn request(&self) -> Result<PatchOrganization<'_>> {
        Ok(PatchOrganization {
            name: self.name.as_deref(),
            plan: self.plan.as_deref().map(plan).transpose()?,
            is_active: self.is_active,
        })
    }
}

fn plan(text: &str) -> Result<Plan> {
    Plan::parse(text).ok_or_else(|| fail!(BadRequest, "plan has to be FREE, BASIC, PRO or ENTERPRISE"))
}

/// A namespace to grant.
#[derive(Deserialize)]
pub(super) struct Namespace {
    namespace: Option<String>,
}

impl Namespace {
    pub(super) fn required(self) -> Result<String> {
        required(self.namespace, "namespace", WRONG_SHAPE)
    }
}

/// An API key to create.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    caller_service: Option<String>,
    label: Option<String>,
    scopes: Option<Vec<String>>,
    environment: Option<String>,
    expires_at: Option<String>,
}

impl Key {
    pub(super) fn request(&self) -> Result<NewKey<'_>> {
        Ok(NewKey {
            caller_service: required(self.caller_service.as_deref(), "callerService", WRONG_SHAPE)?,
            label: self.label.as_deref(),
            scopes: self.scopes.as_deref(),
            environment: self.environment.as_deref().map(environment).transpose()?.unwrap_or(Environment::Live),
            expires_at: self.expires_at.as_deref().map(|text| time("expiresAt", text)).transpose()?,
        })
    }
}

fn environment(text: &str) -> Result<Environment> {
    Environment::parse(text).ok_or_else(|| fail!(BadRequest, "environment has to be live, test or dev"))
}

/// A rotation of an API key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RotateKey {
    grace_seconds: Option<u32>,
}

impl RotateKey {
    /// How long the old key works on; 0 if nothing is given.
    pub(super) fn grace_seconds(&self) -> Result<u32> {
        let grace_seconds = self.grace_seconds.unwrap_or(0);
        if grace_seconds > GRACE_SECONDS_MAX {
            return Err(fail!(BadRequest, "graceSeconds is at most {GRACE_SECONDS_MAX}"));
        }
        Ok(grace_seconds)
    }
}
