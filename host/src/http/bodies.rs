//! Receives the bodies of requests, within a budget of the bytes that the host has of them at once: in all, and
//! of one organization.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    domain::{
        id::OrganizationId,
        limits::{BODIES_BYTES_MAX, BODIES_ORGANIZATION_BYTES_MAX, REQUEST_BODY_BYTES_MAX},
    },
    error::{Error, Result},
    fail,
};

/// How long a body may take to arrive: three times as long as clients wait for an answer.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the rest of a refused body is read and thrown away: many clients look for the answer only once they
/// have sent all of their request.
const DISCARDING_MAX: Duration = Duration::from_secs(1);
/// Refused bodies that are read on at once; the others are answered without.
const DISCARDED_AT_ONCE_MAX: usize = 64;
/// Seconds after which a request without room is worth sending again.
const RETRY_AFTER_S: u32 = 1;

/// The bodies that the host has in memory, by their bytes.
pub struct Bodies {
    held: Arc<Mutex<Held>>,
    discarding: Semaphore,
}

/// Bytes of bodies: of all, and of those of one organization. `None` is the operator.
#[derive(Default)]
struct Held {
    bytes: usize,
    by: HashMap<Option<OrganizationId>, usize>,
}

/// A body that arrived whole. Its bytes are part of the budget until it is dropped, with the request.
pub(super) struct Received {
    bytes: Vec<u8>,
    _room: Room,
}

/// Bytes of the budget; given back when this is dropped.
struct Room {
    held: Arc<Mutex<Held>>,
    holder: Option<OrganizationId>,
    bytes: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { held: Arc::default(), discarding: Semaphore::new(DISCARDED_AT_ONCE_MAX) }
    }
}

impl Bodies {
    /// Receives the body of a request of `holder`, who is the operator if it is no organization. Codes
    /// `request_too_large`; `RATE_LIMITED` beyond the organization's share of the budget, `unavailable` beyond
    /// the budget.
    pub(super) async fn receive(&self, holder: Option<OrganizationId>, mut body: Body) -> Result<Received> {
        let room = Room { held: self.held.clone(), holder, bytes: 0 };
        match timeout(BODY_TIME_MAX, read(room, &mut body)).await {
            Ok(Err(refusal)) => {
                self.discard(body).await;
                Err(refusal)
            }
            Ok(received) => received,
            Err(_elapsed) => Err(fail!(BadRequest, "the body did not arrive within {} s", BODY_TIME_MAX.as_secs())),
        }
    }

    /// Reads the rest of a refused body, and keeps none of it.
    async fn discard(&self, mut body: Body) {
        let Ok(_place) = self.discarding.try_acquire() else { return };
        let rest = async { while let Some(Ok(_)) = body.frame().await {} };
        // A body that has not ended by then is cut off with its connection.
        let _ = timeout(DISCARDING_MAX, rest).await;
    }
}

/// Reads a body to its end. A body that says how long it is has its room before its first byte is read.
async fn read(mut room: Room, body: &mut Body) -> Result<Received> {
    let declared = body.size_hint().exact().unwrap_or(0);
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    if declared > REQUEST_BODY_BYTES_MAX {
        return Err(too_large());
    }
    room.grow_to(declared)?;
    let mut bytes = Vec::with_capacity(declared);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| fail!(BadRequest, "the body did not arrive whole"))?;
        // Trailers are ignored.
        let Ok(data) = frame.into_data() else { continue };
        append(&mut bytes, &data, &mut room)?;
    }
    Ok(Received { bytes, _room: room })
}

/// Appends to a body what arrived of it. The room is that of the memory, which doubles when it is used up.
fn append(bytes: &mut Vec<u8>, data: &Bytes, room: &mut Room) -> Result<()> {
    let wanted = bytes.len() + data.len();
    if wanted > REQUEST_BODY_BYTES_MAX {
        return Err(too_large());
    }
    if wanted > bytes.capacity() {
        let capacity = wanted.max(2 * bytes.capacity()).min(REQUEST_BODY_BYTES_MAX);
        room.grow_to(capacity)?;
        bytes.reserve_exact(capacity - bytes.len());
    }
    bytes.extend_from_slice(data);
    Ok(())
}

fn too_large() -> Error {
    fail!(RequestTooLarge, "a request body has at most {REQUEST_BODY_BYTES_MAX} bytes")
}

impl Received {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// Takes as much more of the budget as it needs to have this many bytes of it.
    fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut held = self.held.lock();
        let of_holder = held.by.get(&self.holder).copied().unwrap_or(0);
        if of_holder + more > BODIES_ORGANIZATION_BYTES_MAX {
            return Err(fail!(
                RateLimited,
                "the requests under way of one organization may have bodies of {BODIES_ORGANIZATION_BYTES_MAX} bytes \
                 together; send fewer or smaller ones at once"
            )
            .retry_after(RETRY_AFTER_S));
        }
        if held.bytes + more > BODIES_BYTES_MAX {
            return Err(fail!(
                Unavailable,
                "the requests under way have bodies of {BODIES_BYTES_MAX} bytes together, as many as the host takes; \
                 nothing was accepted"
            )
            .retry_after(RETRY_AFTER_S));
        }
        held.bytes += more;
        held.by.insert(self.holder.clone(), of_holder + more);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.held.lock();
        held.bytes -= self.bytes;
        let of_holder = held.by.get(&self.holder).copied().unwrap_or(0) - self.bytes;
        if of_holder == 0 {
            held.by.remove(&self.holder);
        } else {
            held.by.insert(self.holder.clone(), of_holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;
    use crate::error::Code;

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::stored(format!("org_{number}"))
    }

    /// Receives as many of the largest bodies of one organization as there is room for, and then the refusal.
    async fn fill(bodies: &Bodies, holder: OrganizationId) -> (Vec<Received>, Error) {
        let mut received = Vec::new();
        loop {
            match bodies.receive(Some(holder.clone()), vec![b'x'; REQUEST_BODY_BYTES_MAX].into()).await {
                Ok(body) => received.push(body),
                Err(refusal) => return (received, refusal),
            }
        }
    }

    #[tokio::test]
    async fn bodies_organization_bytes_max() {
        let bodies = Bodies::default();
        let (mut received, refusal) = fill(&bodies, organization(1)).await;
        assert_eq!(received.len(), BODIES_ORGANIZATION_BYTES_MAX / REQUEST_BODY_BYTES_MAX);
        assert_eq!((refusal.code(), refusal.retry_after_s()), (Code::RateLimited, Some(1)));
        assert!(refusal.message().contains(&BODIES_ORGANIZATION_BYTES_MAX.to_string()), "{refusal}");
        bodies.receive(Some(organization(2)), "{}".into()).await.expect("another organization has its own share");
        received.pop();
        bodies.receive(Some(organization(1)), "{}".into()).await.expect("room again");
    }

    #[tokio::test]
    async fn bodies_bytes_max() {
        let bodies = Bodies::default();
        let mut received = Vec::new();
        for number in 0..BODIES_BYTES_MAX / BODIES_ORGANIZATION_BYTES_MAX {
            received.extend(fill(&bodies, organization(number)).await.0);
        }
        assert_eq!(received.len(), BODIES_BYTES_MAX / REQUEST_BODY_BYTES_MAX);
        let refusal = bodies.receive(None, "{}".into()).await.err().expect("no room");
        assert_eq!((refusal.code(), refusal.retry_after_s()), (Code::Unavailable, Some(1)));
        assert!(refusal.message().contains(&BODIES_BYTES_MAX.to_string()), "{refusal}");
        drop(received);
        assert!(bodies.held.lock().by.is_empty() && bodies.held.lock().bytes == 0);
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_how_long_it_is_takes_room_as_it_arrives() {
        let bodies = Bodies::default();
        let chunked = |count: usize| {
            Body::from_stream(stream::iter((0..count).map(|_| Ok::<_, Infallible>(vec![b'x'; 1 << 10]))))
        };
        let body = bodies.receive(Some(organization(1)), chunked(100)).await.expect("there is room");
        assert_eq!(body.bytes().len(), 100 << 10);
        assert!((100 << 10..=200 << 10).contains(&bodies.held.lock().bytes));
        let refusal = bodies.receive(Some(organization(1)), chunked(1_025)).await.err().expect("too large");
        assert_eq!(refusal.code(), Code::RequestTooLarge);
        let (received, _) = fill(&bodies, organization(1)).await;
        let refusal = bodies.receive(Some(organization(1)), chunked(1_024)).await.err().expect("no room for all of it");
        assert_eq!(refusal.code(), Code::RateLimited);
        drop((body, received));
        assert_eq!(bodies.held.lock().bytes, 0);
    }
}
