//! Replays: how far each has come, and the rows that it goes over.

use sqlx::FromRow;

use super::{Tx, codec, emit::stored_event_type, on_db};
use crate::{
    domain::{
        delivery::Status,
        id::{DeliveryId, EmitId, OrganizationId, ReplayId},
        receiver::ReceiverId,
        replay::{Replay, ReplaySource},
        time::Time,
    },
    error::Result,
};

/// The words in the column `source`.
const EVENTS: &str = "events";
const DEAD_LETTERS: &str = "dead_letters";

#[derive(FromRow)]
struct ReplayRow {
    id: String,
    organization_id: String,
    receiver_id: String,
    source: String,
    includes_delivered: bool,
    from_at: Option<i64>,
    to_at: i64,
    died_since: Option<i64>,
    done_until: String,
    steps: i64,
}

impl TryFrom<ReplayRow> for Replay {
    type Error = crate::error::Error;

    fn try_from(row: ReplayRow) -> Result<Self> {
        let to = codec::time(row.to_at);
        let source = match (row.source.as_str(), row.from_at) {
            (EVENTS, Some(from)) => {
                Some(ReplaySource::Events { from: codec::time(from), to, includes_delivered: row.includes_delivered })
            }
            (DEAD_LETTERS, from) => Some(ReplaySource::DeadLetters {
                from: codec::time_opt(from),
                to,
                died_since: codec::time_opt(row.died_since),
            }),
            _ => None,
        };
        Ok(Self {
            source: codec::sound(source, "replay", "source", &row.id)?,
            id: ReplayId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            receiver: ReceiverId::stored(&row.receiver_id),
            done_until: row.done_until,
            steps: row.steps,
        })
    }
}

/// Adds a replay that is due at once.
pub async fn insert(tx: &mut Tx, organization: &OrganizationId, replay: &Replay, now: Time) -> Result<()> {
    const SQL: &str = "
        insert into replay (id, organization_id, receiver_id, source, includes_delivered, from_at, to_at,
                            died_since, done_until, due_at, steps, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $10)";
    let (source, includes_delivered, from, to, died_since) = match replay.source {
        ReplaySource::Events { from, to, includes_delivered } => (EVENTS, includes_delivered, Some(from), to, None),
        ReplaySource::DeadLetters { from, to, died_since } => (DEAD_LETTERS, false, from, to, died_since),
    };
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(replay.id.as_str())
        .bind(organization.as_str())
        .bind(replay.receiver.as_str())
        .bind(source)
        .bind(includes_delivered)
        .bind(codec::millis(from))
        .bind(to.as_millis())
        .bind(codec::millis(died_since))
        .bind(&replay.done_until)
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// The number of unfinished replays to a receiver.
pub async fn unfinished(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<i64> {
    const SQL: &str = "select count(*) from replay where organization_id = $1 and receiver_id = $2";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(organization.as_str()).bind(receiver.as_str()).fetch_one(conn).await)
}

/// Removes all replays to a receiver, with the receiver.
pub async fn remove(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    const SQL: &str = "delete from replay where organization_id = $1 and receiver_id = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Makes the unfinished replays to a receiver due now.
pub async fn hasten(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId, now: Time) -> Result<()> {
    const SQL: &str = "update replay set due_at = $3 where organization_id = $1 and receiver_id = $2 and due_at > $3";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Due replays of any organization, the longest due first: for the workers.
pub async fn due(tx: &mut Tx, now: Time, limit: u32) -> Result<Vec<Replay>> {
    const SQL: &str = "
        select id, organization_id, receiver_id, source, includes_delivered, from_at, to_at, died_since,
               done_until, steps
          from replay
         where due_at <= $1
         order by due_at, id
         limit $2";
    let rows: Vec<ReplayRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(now.as_millis()).bind(i64::from(limit)).fetch_all(conn).await)?;
    rows.into_iter().map(Replay::try_from).collect()
}

/// Whether a replay is due.
pub async fn is_any_due(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from replay where due_at <= $1)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}

/// Stores how far a replay has come and when it goes on; false when another host made this step.
pub async fn advance(tx: &mut Tx, replay: &Replay, done_until: &str, due_at: Time) -> Result<bool> {
    const SQL: &str = "
        update replay set done_until = $3, due_at = $4, steps = steps + 1 where id = $1 and steps = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(replay.id.as_str())
        .bind(replay.steps)
        .bind(done_until)
        .bind(due_at.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// Removes a replay that is finished; false when another host made this step.
pub async fn finish(tx: &mut Tx, replay: &Replay) -> Result<bool> {
    const SQL: &str = "delete from replay where id = $1 and steps = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(replay.id.as_str())
        .bind(replay.steps)
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// A row that a replay goes over: an event, or a dead letter.
#[derive(Clone, Debug)]
pub struct Row {
    /// The cursor (`done_until`) of a replay that has done this row.
    pub id: String,
    pub emit_id: EmitId,
    /// The event type; empty for a dead letter.
    pub event_type: String,
    /// The delivery of the event to the receiver; `None` if there is none.
    pub delivery: Option<(DeliveryId, Status)>,
    /// Whether the row is the receiver's, and within the replay's bounds in time.
    pub is_within: bool,
}

/// The next `limit` rows of a replay, in order. Each costs a look-up or two.
pub async fn rows(tx: &mut Tx, organization: &OrganizationId, replay: &Replay, limit: u32) -> Result<Vec<Row>> {
    match replay.source {
        ReplaySource::Events { to, .. } => events(tx, organization, replay, to, limit).await,
        ReplaySource::DeadLetters { from, to, died_since } => {
            let bounds = Bounds { from, to, died_since };
            dead_letters(tx, organization, replay, bounds, limit).await
        }
    }
}

#[derive(FromRow)]
struct EventRow {
    id: String,
    namespace: String,
    name: String,
    version: String,
    delivery_id: Option<String>,
    status: Option<String>,
}

/// Rows of routed events; the others are delivered soon by routing. Walks `emit_organization`, and finds
/// deliveries by `delivery_emit`.
async fn events(tx: &mut Tx, organization: &OrganizationId, replay: &Replay, to: Time, limit: u32) -> Result<Vec<Row>> {
    const SQL: &str = "
        select emit.id, namespace, name, version, delivery.id as delivery_id, status
          from emit
          left join delivery on delivery.emit_id = emit.id and delivery.receiver_id = $2
         where emit.organization_id = $1 and emit.id > $3 and emit.id <= $4 and routed_at is not null
         order by emit.id
         limit $5";
    let end = EmitId::new(to, u128::MAX);
    let rows: Vec<EventRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(replay.receiver.as_str())
        .bind(&replay.done_until)
        .bind(end.as_str())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    let row = |row: EventRow| {
        let status = row.status.map(|word| codec::sound(Status::parse(&word), "delivery", "status", &row.id));
        Ok(Row {
            event_type: stored_event_type(organization, &row.namespace, &row.name, &row.version),
            delivery: row.delivery_id.map(DeliveryId::stored).zip(status.transpose()?),
            emit_id: EmitId::stored(row.id.as_str()),
            id: row.id,
            is_within: true,
        })
    };
    rows.into_iter().map(row).collect()
}

/// The bounds of a replay of dead letters; `None` is no bound.
struct Bounds {
    /// Dead letters created at this time or later.
    from: Option<Time>,
    /// Dead letters created at this time or earlier.
    to: Time,
    /// Dead letters that ended at this time or later.
    died_since: Option<Time>,
}

#[derive(FromRow)]
struct DeadLetterRow {
    id: String,
    emit_id: String,
    receiver_id: String,
    created_at: i64,
    updated_at: i64,
}

/// Rows of all dead letters of the organization, whichever receiver they are for, so that each step costs the
/// same. Walks `delivery_failed`.
async fn dead_letters(
    tx: &mut Tx,
    organization: &OrganizationId,
    replay: &Replay,
    bounds: Bounds,
    limit: u32,
) -> Result<Vec<Row>> {
    const SQL: &str = "
        select id, emit_id, receiver_id, created_at, updated_at
          from delivery
         where organization_id = $1 and status = 'FAILED' and id > $2
         order by id
         limit $3";
    let rows: Vec<DeadLetterRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(&replay.done_until)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    let row = |row: DeadLetterRow| {
        let (created, died) = (codec::time(row.created_at), codec::time(row.updated_at));
        Row {
            is_within: row.receiver_id == replay.receiver.as_str()
                && bounds.from.is_none_or(|from| created >= from)
                && created <= bounds.to
                && bounds.died_since.is_none_or(|since| died >= since),
            emit_id: EmitId::stored(row.emit_id),
            event_type: String::new(),
            delivery: Some((DeliveryId::stored(row.id.as_str()), Status::Failed)),
            id: row.id,
        }
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Counts the dead letters within the bounds, for each receiver that still exists.
pub async fn dead_letters_by_receiver(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: Option<&ReceiverId>,
    from: Option<Time>,
    to: Option<Time>,
) -> Result<Vec<(ReceiverId, i64)>> {
    const SQL: &str = "
        select receiver_id, count(*)
          from delivery
         where organization_id = $1
           and status = 'FAILED'
           and (cast($2 as text) is null or receiver_id = $2)
           and (cast($3 as bigint) is null or created_at >= $3)
           and (cast($4 as bigint) is null or created_at <= $4)
           and (exists (select 1 from subscription where subscription.id = delivery.receiver_id)
                or exists (select 1
                             from federation_member
                            where federation_member.id = delivery.receiver_id and status <> 'removed'))
         group by receiver_id
         order by receiver_id";
    let rows: Vec<(String, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(receiver.map(ReceiverId::as_str))
        .bind(codec::millis(from))
        .bind(codec::millis(to))
        .fetch_all(conn)
        .await)?;
    Ok(rows.into_iter().map(|(id, count)| (ReceiverId::stored(&id), count)).collect())
}
