//! Announcing that emits were refused.
//!
//! A client may be refused hundreds of times a second, and each announcement is an event with deliveries of
//! its own. So an organization's first refusals of a window are announced one by one, and further ones are
//! counted, and announced together when the window is over.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
};

use parking_lot::Mutex;
use serde_json::json;

use crate::{
    domain::{
        id::OrganizationId,
        lifecycle::{
            CUSTOM_EVENT_CHAIN_TRUNCATED, CUSTOM_EVENT_EMIT_REJECTED, CUSTOM_EVENT_EMIT_REQUESTED,
            CUSTOM_EVENT_QUOTA_EXCEEDED, Lifecycle,
        },
        limits::{REFUSAL_KINDS_MAX, REFUSALS_ANNOUNCED_MAX},
        name::EventName,
        time::Time,
    },
    error::{Code, Error, Result},
    service::{Caller, Host, announce::announce_in_batch},
};

/// How long refusals of an organization are counted before they are announced together.
const WINDOW_MS: i64 = 1_000;
/// Bytes of the longest version that an announcement repeats: clients may send a longer text.
const VERSION_BYTES_MAX: usize = 64;

/// The refusals of the present windows, of all organizations.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<OrganizationId, Window>>);

/// One organization's refusals within a window.
struct Window {
    began: Time,
    /// Refusals that were announced one by one.
    announced: usize,
    /// The others.
    gathered: HashMap<Kind, Refusal>,
}

/// Refusals that are announced together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    /// The name of the lifecycle event.
    outcome: &'static str,
    code: &'static str,
    /// The event that was to be emitted; `None` for several.
    event: Option<String>,
}

/// One refusal, or several of a kind.
#[derive(Clone)]
struct Refusal {
    kind: Kind,
    version: Option<String>,
    /// The message of the first.
    message: String,
    count: u64,
}

impl Refusals {
    /// Takes a refusal, and gives it back if it is to be announced at once.
    fn take(&self, organization: &OrganizationId, refusal: Refusal, now: Time) -> Option<Refusal> {
        let mut windows = self.0.lock();
        let new = || Window { began: now, announced: 0, gathered: HashMap::new() };
        let window = windows.entry(organization.clone()).or_insert_with(new);
        if window.is_over(now) && window.gathered.is_empty() {
            *window = new();
        }
        if window.announced < REFUSALS_ANNOUNCED_MAX {
            window.announced += 1;
            return Some(refusal);
        }
        window.gather(refusal);
        None
    }

    /// Takes out what was gathered in windows that are over.
    fn take_over(&self, now: Time) -> Vec<(OrganizationId, Vec<Refusal>)> {
        let mut over = Vec::new();
        self.0.lock().retain(|organization, window| {
            if !window.is_over(now) {
                return true;
            }
            let gathered: Vec<Refusal> = mem::take(&mut window.gathered).into_values().collect();
            if !gathered.is_empty() {
                over.push((organization.clone(), gathered));
            }
            false
        });
        over
    }
}

impl Window {
    fn is_over(&self, now: Time) -> bool {
        now.millis_since(self.began) >= WINDOW_MS
    }

    fn gather(&mut self, mut refusal: Refusal) {
        if self.gathered.len() >= REFUSAL_KINDS_MAX && !self.gathered.contains_key(&refusal.kind) {
            // Clients choose the names that they ask for, so names do not count without end.
            refusal.kind.event = None;
        }
        match self.gathered.entry(refusal.kind.clone()) {
            Entry::Occupied(mut gathered) => gathered.get_mut().count += refusal.count,
            Entry::Vacant(place) => drop(place.insert(refusal)),
        }
    }
}

/// Announces that an emit of this name and version was refused, as far as a subscription wants that.
/// An error of announcing is logged, and the refusal stays.
pub(super) async fn announce_refusal(host: &Host, caller: &Caller, name: &str, version: Option<&str>, refusal: &Error) {
    let Some(outcome) = outcome(refusal.code()) else { return };
    let organization = &caller.organization_id;
    let refusal = Refusal {
        kind: Kind {
            outcome,
            code: refusal.code().as_str(),
            // The event repeats only texts that can be a name: others may be of any length.
            event: EventName::parse(name).is_ok().then(|| name.to_owned()),
        },
        version: version.filter(|text| text.len() <= VERSION_BYTES_MAX).map(str::to_owned),
        message: refusal.message().clone(),
        count: 1,
    };
    let announced = async {
        if !is_wanted(host, organization, outcome).await? {
            return Ok(());
        }
        match host.refusals.take(organization, refusal, host.now()) {
            Some(refusal) => announce(host, organization, vec![refusal]).await,
            None => Ok(()),
        }
    };
    if let Err(error) = announced.await {
        tracing::warn!(%organization, error = ?error, "the refusal of an emit could not be announced");
    }
}

/// Announces what was gathered in windows that are over, and returns the number of organizations.
pub async fn announce_gathered(host: &Host) -> usize {
    let over = host.refusals.take_over(host.now());
    let count = over.len();
    for (organization, refusals) in over {
        let total: u64 = refusals.iter().map(|refusal| refusal.count).sum();
        tracing::info!(%organization, total, "refused emits are announced together");
        if let Err(error) = announce(host, &organization, refusals).await {
            tracing::warn!(%organization, error = ?error, "refusals of emits could not be announced");
        }
    }
    count
}

/// The lifecycle event of a refusal; `None` for faults of the host, which are no judgement of the emit: it
/// may come again.
fn outcome(code: Code) -> Option<&'static str> {
    match code {
        Code::InternalError | Code::Unavailable => None,
        Code::MonthlyEmitQuotaExceeded => Some(CUSTOM_EVENT_QUOTA_EXCEEDED),
        Code::ChainDepthExceeded => Some(CUSTOM_EVENT_CHAIN_TRUNCATED),
        _ => Some(CUSTOM_EVENT_EMIT_REJECTED),
    }
}

async fn is_wanted(host: &Host, organization: &OrganizationId, outcome: &str) -> Result<bool> {
    let view = host.memory.organization(organization, 0).await?;
    let wanted = host.memory.wanted_lifecycle(&view).await?;
    Ok(wanted.contains(outcome) || wanted.contains(CUSTOM_EVENT_EMIT_REQUESTED))
}

async fn announce(host: &Host, organization: &OrganizationId, refusals: Vec<Refusal>) -> Result<()> {
    let view = host.memory.organization(organization, 0).await?;
    let wanted = host.memory.wanted_lifecycle(&view).await?;
    let mut events = Vec::new();
    for refusal in refusals {
        // There is no emit, and maybe no event of that name: the event repeats what was asked for.
        let data = json!({
            "organizationId": organization,
            "emitId": null,
            "canonicalName": null,
            "event": refusal.kind.event,
            "version": refusal.version,
            "errorCode": refusal.kind.code,
            "errorMessage": refusal.message,
            "count": refusal.count,
        });
        let names = [CUSTOM_EVENT_EMIT_REQUESTED, refusal.kind.outcome].into_iter();
        events.extend(names.filter(|name| wanted.contains(name)).map(|name| Lifecycle {
            name,
            entity: None,
            data: data.clone(),
        }));
    }
    announce_in_batch(host, &view, events).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(event: &str) -> Refusal {
        let kind = Kind { outcome: CUSTOM_EVENT_EMIT_REJECTED, code: "payload_invalid", event: Some(event.to_owned()) };
        Refusal { kind, version: None, message: "wrong".to_owned(), count: 1 }
    }

    fn organization(name: &str) -> OrganizationId {
        OrganizationId::stored(name)
    }

    #[test]
    fn refusals_announced_max() {
        let (refusals, now) = (Refusals::default(), Time::from_millis(0));
        let take = |name: &str, at| refusals.take(&organization(name), refusal("a.b"), at).is_some();
        let at_once = (0..100).filter(|_| take("org_a", now)).count();
        assert_eq!(at_once, REFUSALS_ANNOUNCED_MAX);
        assert!(take("org_b", now), "another organization has its own");
        assert!(refusals.take_over(now.plus_millis(WINDOW_MS - 1)).is_empty());
        let over = refusals.take_over(now.plus_millis(WINDOW_MS));
        let [(of, gathered)] = &over[..] else { panic!("one organization has some left") };
        assert_eq!(of.as_str(), "org_a");
        let counts: Vec<_> = gathered.iter().map(|refusal| refusal.count).collect();
        assert_eq!(counts, [100 - REFUSALS_ANNOUNCED_MAX as u64], "those of a kind are one");
        assert!(refusals.0.lock().is_empty(), "nothing is left");
    }

    #[test]
    fn refusal_kinds_max() {
        let (refusals, now) = (Refusals::default(), Time::from_millis(0));
        let count = REFUSALS_ANNOUNCED_MAX + REFUSAL_KINDS_MAX + 50;
        for number in 0..count {
            refusals.take(&organization("org_a"), refusal(&format!("a.b{number}")), now);
        }
        let over = refusals.take_over(now.plus_millis(WINDOW_MS));
        let gathered = &over[0].1;
        assert_eq!(gathered.len(), REFUSAL_KINDS_MAX + 1);
        let rest = gathered.iter().find(|refusal| refusal.kind.event.is_none()).map(|refusal| refusal.count);
        assert_eq!(rest, Some(50));
    }
}
