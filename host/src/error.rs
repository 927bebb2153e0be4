//! The one error type, and the one table of codes.
//!
//! Every failure that leaves the host is a row of [`Code`]: the stable string that clients branch
//! on, the HTTP status, whether the same request may succeed later, and what it means.

mod schemas;

use std::fmt;

use serde_json::Value;

/// Whether the same request, sent again unchanged, may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The request has to change first.
    Never,
    /// A fault or a limit of the moment.
    Later,
}

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $code:literal, $status:literal, $retry:ident;)+) => {
        /// A row of the error table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $meaning])+ $variant,)+ }

        impl Code {
            /// Every row, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The stable string on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)+ }
            }

            /// Whether the same request may succeed later.
            pub const fn retry(self) -> Retry {
                match self { $(Code::$variant => Retry::$retry,)+ }
            }

            /// What the code means, as the documentation says it.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => concat!($($meaning),+),)+ }
            }
        }
    };
}

codes! {
    /// The body, a query or a path is malformed.
    BadRequest = "BAD_REQUEST", 400, Never;
    /// No key, an unknown, expired or revoked key, or a wrong operator token.
    Unauthorized = "UNAUTHORIZED", 401, Never;
    /// The key lacks the scope that the route needs.
    Forbidden = "FORBIDDEN", 403, Never;
    /// The organization was switched off by the operator.
    OrganizationInactive = "organization_inactive", 403, Never;
    /// No such route or object.
    NotFound = "NOT_FOUND", 404, Never;
    /// The route exists, but not for this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, Never;
    /// The request body is larger than the host reads.
    RequestTooLarge = "request_too_large", 413, Never;
    /// The head of the request is larger than the host reads, or has too many headers.
    RequestHeadTooLarge = "request_head_too_large", 431, Never;
    /// Too many requests with this key, too much of this organization under way or waiting, or too many connections of this address; the message says of what.
    RateLimited = "RATE_LIMITED", 429, Later;
    /// A fault of the host; the log has the cause.
    InternalError = "INTERNAL_ERROR", 500, Later;
    /// The database is locked, full or gone, or the host is overloaded or stopping. Nothing was accepted.
    Unavailable = "unavailable", 503, Later;

    /// A field of a custom-events request is missing or wrong.
    InvalidRequest = "invalid_request", 400, Never;
    /// The namespace does not match `^[a-z][a-z0-9_-]{1,30}$`.
    InvalidNamespace = "invalid_namespace", 400, Never;
    /// The namespace is reserved by the platform.
    ReservedNamespace = "reserved_namespace", 400, Never;
    /// The namespace is not on the organization's allowlist.
    NamespaceNotAllowed = "namespace_not_allowed", 400, Never;
    /// The name does not match `^[a-z][a-z0-9_.-]{1,60}$`.
    InvalidName = "invalid_name", 400, Never;
    /// The version is not three numbers `MAJOR.MINOR.PATCH` without leading zeros.
    InvalidVersionFormat = "invalid_version_format", 400, Never;
    /// `platformxe.generic` belongs to the platform.
    CannotRegisterGenericEvent = "cannot_register_generic_event", 400, Never;
    /// This version of the event is registered already.
    VersionAlreadyExists = "version_already_exists", 400, Never;
    /// The version is lower than the highest one.
    VersionDowngrade = "version_downgrade", 400, Never;
    /// The version is more than one step above the highest one.
    VersionInvalidJump = "version_invalid_jump", 400, Never;
    /// A patch may change descriptions only, and this one changes more.
    PatchMustBeByteEqual = "patch_must_be_byte_equal", 400, Never;
    /// A minor version has to take what the versions of its major number took, and this one does not, or cannot be proven to.
    MinorMustBeBackwardsCompatible = "minor_must_be_backwards_compatible", 400, Never;
    /// The schema nests deeper than the plan allows: 5 levels, unless the operator set another number.
    SchemaTooDeep = "schema_too_deep", 400, Never;
    /// The schema declares more properties than the plan allows: 50, unless the operator set another number.
    SchemaTooWide = "schema_too_wide", 400, Never;
    /// The schema does not compile, has a name twice in one object, refers to another document, or means what 2020-12 cannot say.
    InvalidJsonSchema = "invalid_json_schema", 400, Never;
    /// The example breaks the schema that it comes with.
    PayloadExampleDoesNotMatchSchema = "payload_example_does_not_match_schema", 400, Never;
    /// The plan allows no further subscriptions, or not as many deliveries of one event.
    SubscriptionQuotaExceeded = "subscription_quota_exceeded", 402, Never;
    /// The plan allows no further registrations.
    RegistrationQuotaExceeded = "registration_quota_exceeded", 402, Never;
    /// The organization has no such registration.
    RegistrationNotFound = "registration_not_found", 404, Never;
    /// The generic event is managed by the platform.
    CannotArchiveGenericEvent = "cannot_archive_generic_event", 403, Never;
    /// The object's state does not allow this move.
    InvalidState = "invalid_state", 409, Never;

    /// No such event is registered.
    EventNotRegistered = "event_not_registered", 404, Never;
    /// The event is a draft or archived.
    EventNotPublished = "event_not_published", 409, Never;
    /// The payload breaks the registered schema.
    PayloadInvalid = "payload_invalid", 400, Never;
    /// The payload is larger than 262,144 bytes.
    PayloadTooLarge = "payload_too_large", 413, Never;
    /// Too many emits of components led to this one.
    ChainDepthExceeded = "chain_depth_exceeded", 422, Never;
    /// The plan allows no further emits this month.
    MonthlyEmitQuotaExceeded = "monthly_emit_quota_exceeded", 402, Never;
    /// The key was used before with another request; nothing was done.
    IdempotencyKeyReused = "idempotency_key_reused", 409, Never;
    /// The first request with the key took effect, but the host died before its answer was kept. Look at what it made.
    IdempotencyAnswerLost = "idempotency_answer_lost", 409, Never;

    /// The plan has no publishing in the marketplace.
    MarketplacePublishNotAvailable = "MARKETPLACE_PUBLISH_NOT_AVAILABLE", 402, Never;
    /// The plan has no forking from the marketplace.
    MarketplaceForkNotAvailable = "MARKETPLACE_FORK_NOT_AVAILABLE", 402, Never;
    /// The title of a listing is too short, too long, blank, or has control characters.
    InvalidTitle = "invalid_title", 400, Never;
    /// The generic event cannot be listed.
    RegistrationIsGeneric = "registration_is_generic", 400, Never;
    /// Only a published registration can be listed.
    RegistrationNotPublished = "registration_not_published", 409, Never;
    /// This version of the event was listed before; one that is hidden can be republished.
    ListingAlreadyExists = "listing_already_exists", 409, Never;
    /// No such listing, or a hidden one of another organization.
    ListingNotFound = "listing_not_found", 404, Never;
    /// The listing is hidden or archived already.
    AlreadyUnpublished = "already_unpublished", 409, Never;
    /// The listing is published already.
    AlreadyPublished = "already_published", 409, Never;
    /// The listing's registration is archived, so it cannot be published again.
    ArchivedListing = "archived_listing", 409, Never;
    /// The listing is hidden or archived, so it cannot be forked.
    ListingNotPublished = "listing_not_published", 409, Never;
    /// The organization has an event of that name and version already.
    ForkAlreadyExists = "fork_already_exists", 409, Never;

    /// The plan has no federation.
    FederationNotAvailable = "FEDERATION_NOT_AVAILABLE", 402, Never;
    /// No such group, or the organization has no part in it.
    GroupNotFound = "group_not_found", 404, Never;
    /// The group was archived; nothing in it can be changed any more.
    GroupArchived = "group_archived", 409, Never;
    /// The group's owner may do this, or its members, but not the caller.
    FederationForbidden = "forbidden", 403, Never;
    /// No such push, or one of a group in which the organization has no part.
    PushNotFound = "push_not_found", 404, Never;
    /// No such member, or one of a group in which the organization has no part.
    MemberNotFound = "member_not_found", 404, Never;

    /// The subscription's filter is malformed.
    FilterInvalid = "filter_invalid", 400, Never;
    /// No event that the registered schemas allow can match the subscription's filter.
    FilterNeverMatches = "filter_never_matches", 400, Never;

    /// The bytes are no valid component.
    ComponentInvalid = "component_invalid", 400, Never;
    /// The component is larger than the host takes.
    ComponentTooLarge = "component_too_large", 413, Never;
    /// The component needs more memories, tables or instances than one may have.
    ComponentTooComplex = "component_too_complex", 400, Never;
    /// The component is of no world and track that the host runs.
    WorldUnsupported = "world_unsupported", 400, Never;
    /// The component imports what its world does not have.
    ImportUnknown = "import_unknown", 400, Never;
    /// The first instance of the component failed to start.
    ComponentTrapsOnStart = "component_traps_on_start", 400, Never;
    /// A component of that name does not exist.
    ComponentNotFound = "component_not_found", 400, Never;
    /// The slug or another unique value is taken.
    Duplicate = "duplicate", 409, Never;
}

/// What went wrong, as the caller may know it, with the cause for the operator's log.
pub struct Error {
    code: Code,
    message: String,
    details: Option<Box<Value>>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    retry_after_s: Option<u32>,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with a sentence for the caller. The code goes in front by itself.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, cause: None, retry_after_s: None }
    }

    /// A fault of the host. The caller learns nothing of the cause; the log does.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError, "the host failed; its log has the cause").caused_by(cause)
    }

    /// A row is missing that another row, which is still there, refers to. That is a bug.
    pub fn gone(id: &impl fmt::Display) -> Self {
        Self::new(Code::InternalError, format!("{id} is gone"))
    }

    /// Adds the machine-readable part, an object.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        debug_assert!(details.is_object(), "error details are an object");
        self.details = Some(Box::new(details));
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says when to come again, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The row of the table.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence for the caller, beginning with the code: the TypeScript client replaces the
    /// code of every 400 and 404 by its own, so the message has to carry it.
    pub fn message(&self) -> String {
        format!("{}: {}", self.code.as_str(), self.message)
    }

    /// The machine-readable part.
    pub fn details(&self) -> Option<&Value> {
        self.details.as_deref()
    }

    /// The cause, for the log only.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// When to come again, in seconds.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// The same failure for one more waiter: everything but the cause, which is logged once.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            code: self.code,
            message: self.message.clone(),
            details: self.details.clone(),
            cause: None,
            retry_after_s: self.retry_after_s,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match &self.cause {
            Some(cause) => write!(f, " (cause: {cause:?})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// `return Err(fail!(PayloadInvalid, "…"))`: an [`Error`] from a row of the table and a format string.
#[macro_export]
macro_rules! fail {
    ($code:ident, $($message:tt)+) => {
        $crate::error::Error::new($crate::error::Code::$code, format!($($message)+))
    };
}
