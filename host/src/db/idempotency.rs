//! What became of requests with an idempotency key: a claim while one runs, its answer after that.

use sqlx::FromRow;

use super::{Dialects, Tx, on_db};
use crate::{
    domain::{id::OrganizationId, time::Time},
    error::Result,
};

/// Rows that go at once when their time is over: enough to keep up with those that come one by
/// one, and too few to be noticed.
const FORGOTTEN_ROWS_MAX: i64 = 16;

/// What a key is unique in, beside the organization.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Method and path as the router writes them.
    pub route: &'a str,
    /// The caller's key.
    pub key: &'a str,
}

/// A claim to be.
#[derive(Clone, Copy, Debug)]
pub struct NewClaim<'a> {
    /// SHA-256 of the request.
    pub request_hash: &'a str,
    /// Which process runs it.
    pub holder: &'a str,
    /// Whether no other process can be alive.
    pub is_alone: bool,
    /// The present.
    pub now: Time,
    /// When the claim ends by itself.
    pub until: Time,
}

/// What stands in the way of a claim.
#[derive(Clone, Debug, FromRow)]
pub struct Standing {
    /// SHA-256 of the request that has the key.
    pub request_hash: String,
    /// Which process runs it, or ran it.
    pub holder: String,
    claimed_until: i64,
    /// Whether its change is committed.
    pub took_effect: bool,
    status: Option<i64>,
    answer: Option<Vec<u8>>,
    expires_at: i64,
}

impl Standing {
    /// When its claim ends.
    pub fn claimed_until(&self) -> Time {
        Time::from_millis(self.claimed_until)
    }

    /// Whether it has an answer that still counts.
    pub fn is_answered(&self, now: Time) -> bool {
        self.status.is_some() && self.expires_at > now.as_millis()
    }

    /// Status and sealed body of its answer, if there is one.
    pub fn answer(self) -> Option<(u16, Vec<u8>)> {
        Some((u16::try_from(self.status?).ok()?, self.answer?))
    }
}

/// Claims a key, and gives the number of the claim; `None` when it is taken. It is free when
/// nobody had it, when its time is over, or when whoever ran it died without an effect.
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

/// What has a key at the moment.
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

/// Says that the change of a claim is committed, in the change's own transaction; false when the
/// claim was lost.
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

/// Keeps the answer of a claim; false when the claim was lost.
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

/// Gives a key back.
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

/// Ends a claim at once. The row stays for the window if its change took effect.
pub async fn give_up(
    tx: &mut Tx,
    organization: &OrganizationId,
    place: Place<'_>,
    claims: i64,
    now: Time,
) -> Result<()> {
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

/// Deletes some rows whose time is over, whosever they are; served by `idempotency_expires`.
pub async fn forget_expired(tx: &mut Tx, now: Time) -> Result<()> {
    const SQL: Dialects = Dialects {
        sqlite: "
        delete from idempotency
         where rowid in (select rowid from idempotency where expires_at <= $1 order by expires_at limit $2)",
        // Two hosts at once leave each other's rows alone.
        postgres: "
        delete from idempotency
         where ctid = any (array (select ctid from idempotency where expires_at <= $1 order by expires_at
                                   limit $2 for update skip locked))",
    };
    let sql = SQL.pick(tx);
    on_db!(tx, |conn| sqlx::query(sql).bind(now.as_millis()).bind(FORGOTTEN_ROWS_MAX).execute(conn).await.map(|_| ()))
}
