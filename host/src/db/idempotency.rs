//! Idempotency keys of requests other than emits: a claim while the request runs, then its answer.

use sqlx::FromRow;

use super::{Dialects, Tx, on_db};
use crate::{
    domain::{id::OrganizationId, time::Time},
    error::Result,
};

/// Expired rows that are deleted at once: enough to keep up with new rows, which come one by one, and too
/// few to be noticeable.
const FORGOTTEN_ROWS_MAX: i64 = 16;

/// A key, with the scope in which it is unique within an organization.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Method and path, with parameters as in the router's patterns.
    pub route: &'a str,
    /// The caller's key.
    pub key: &'a str,
}

/// A claim that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewClaim<'a> {
    /// SHA-256 of the request.
    pub request_hash: &'a str,
    /// The process that runs the request.
    pub holder: &'a str,
    /// Whether no other process can be running, so that a claim of another one is a dead one's.
    pub is_alone: bool,
    pub now: Time,
    /// When the claim expires.
    pub until: Time,
}

/// The stored claim or answer of a key that is taken.
#[derive(Clone, Debug, FromRow)]
pub struct Standing {
    /// SHA-256 of the request that has the key.
    pub request_hash: String,
    /// The process that runs or ran that request.
    pub holder: String,
    claimed_until: i64,
    /// Whether the request's change is committed.
    pub took_effect: bool,
    status: Option<i64>,
    answer: Option<Vec<u8>>,
    expires_at: i64,
}

impl Standing {
    /// When the claim expires.
    pub fn claimed_until(&self) -> Time {
        Time::from_millis(self.claimed_until)
    }

    /// Whether the request is answered and its answer not expired.
    pub fn is_answered(&self, now: Time) -> bool {
        self.status.is_some() && self.expires_at > now.as_millis()
    }

    /// Status and sealed body of the answer, if there is one.
    pub fn answer(self) -> Option<(u16, Vec<u8>)> {
        Some((u16::try_from(self.status?).ok()?, self.answer?))
    }
}

/// Claims a key, and gives the number of the claim; `None` when the key is taken. A key is free if it has
/// no row, if its row is expired, or if the process that claimed it died before its change took effect.
pub async fn claim(
    tx: &mut Tx,
    organization: &OrganizationId,
    place: Place<'_>,
    new: NewClaim<'_>,
) -> Result<Option<i64>> {
    const SQL: &str = "
        insert into idempotency (organization_id, route, key, request_hash, holder, claims, claimed_until,
                                 took_effect, expires_at)
        values ($1, $2, $3, $4, $5, 1, $6, $9, $6)
        on conflict (organization_id, route, key) do update
           set request_hash = excluded.request_hash, holder = excluded.holder, claims = idempotency.claims + 1,
               claimed_until = excluded.claimed_until, took_effect = excluded.took_effect, status = null,
               answer = null, expires_at = excluded.expires_at
         where idempotency.expires_at <= $7
            or (idempotency.status is null
                and not idempotency.took_effect
                and $8
                and idempotency.holder <> excluded.holder)
        returning claims";
    on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .bind(new.request_hash)
        .bind(new.holder)
        .bind(new.until.as_millis())
        .bind(new.now.as_millis())
        .bind(new.is_alone)
        .bind(false)
        .fetch_optional(conn)
        .await)
}

/// The claim or answer that a key has at the moment.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, place: Place<'_>) -> Result<Option<Standing>> {
    const SQL: &str = "
        select request_hash, holder, claimed_until, took_effect, status, answer, expires_at
          from idempotency
         where organization_id = $1 and route = $2 and key = $3";
    on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .fetch_optional(conn)
        .await)
}

/// Marks the change of a claim as committed, in the change's own transaction; false when the claim was
/// lost.
pub async fn take_effect(
    tx: &mut Tx,
    organization: &OrganizationId,
    place: Place<'_>,
    claims: i64,
    expires_at: Time,
) -> Result<bool> {
    const SQL: &str = "
        update idempotency
           set took_effect = $5, expires_at = $6
         where organization_id = $1 and route = $2 and key = $3 and claims = $4 and status is null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .bind(claims)
        .bind(true)
        .bind(expires_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Stores the answer of a claim; false when the claim was lost.
pub async fn answer(
    tx: &mut Tx,
    organization: &OrganizationId,
    place: Place<'_>,
    claims: i64,
    (status, sealed): (u16, &[u8]),
    expires_at: Time,
) -> Result<bool> {
    const SQL: &str = "
        update idempotency
           set status = $5, answer = $6, expires_at = $7
         where organization_id = $1 and route = $2 and key = $3 and claims = $4 and status is null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .bind(claims)
        .bind(i64::from(status))
        .bind(sealed)
        .bind(expires_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Deletes a claim, so that the key is free.
pub async fn free(tx: &mut Tx, organization: &OrganizationId, place: Place<'_>, claims: i64) -> Result<()> {
    const SQL: &str = "
        delete from idempotency
         where organization_id = $1 and route = $2 and key = $3 and claims = $4 and status is null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .bind(claims)
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Ends a claim at once. Its row stays until it expires if the change took effect.
pub async fn end(tx: &mut Tx, organization: &OrganizationId, place: Place<'_>, claims: i64, now: Time) -> Result<()> {
    const SQL: &str = "
        update idempotency
           set claimed_until = $5, expires_at = case when took_effect then expires_at else $5 end
         where organization_id = $1 and route = $2 and key = $3 and claims = $4 and status is null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(place.route)
        .bind(place.key)
        .bind(claims)
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Deletes some expired rows of any organization, and gives their number; served by
/// `idempotency_expires`.
pub async fn forget_expired(tx: &mut Tx, now: Time) -> Result<u64> {
    const SQL: Dialects = Dialects {
        sqlite: "
        delete from idempotency
         where rowid in (select rowid from idempotency where expires_at <= $1 order by expires_at limit $2)",
        // Hosts that do this at the same time skip each other's rows.
        postgres: "
        delete from idempotency
         where ctid = any (array (select ctid from idempotency where expires_at <= $1 order by expires_at
                                   limit $2 for update skip locked))",
    };
    let sql = SQL.pick(tx);
    on_db!(tx, |conn| sqlx::query(sql)
        .bind(now.as_millis())
        .bind(FORGOTTEN_ROWS_MAX)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))
}
