//! Runs the program of a delivery up to the request that the host sends: the transformer reshapes the event,
//! the adapter describes the request. Deliveries and tests of an endpoint share it.

use std::sync::Arc;

use url::Url;
use weir_runtime::{Component, DeliveryCall, Digest, Event, Failure, LogLine, Outcome, Runtime};

use super::{event_view::EventView, signer::Signer};
use crate::{
    domain::{
        component::LogEntry,
        delivery::AttemptFailure,
        emit::Emit,
        id::{DeliveryId, PushId, SubscriptionId},
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    outbound::Request,
    sync::CpuPool,
};

/// Bytes of the largest payload with which built-in components run on the calling thread: they then take tens
/// of microseconds. With a larger one they take up to milliseconds, and other requests and deliveries wait for
/// the calling thread; so they run in the pool, as components of tenants always do.
const IN_PLACE_PAYLOAD_BYTES_MAX: usize = 8_192;
/// The attribute that tells components of a replay.
const REPLAY: (&str, &str) = ("replay", "true");

/// A component of a program, ready to be called.
#[derive(Clone)]
pub struct Stage {
    pub component: Component,
    /// The component's configuration, a JSON object.
    pub config: Arc<str>,
}

/// A program, ready to be run.
#[derive(Clone)]
pub struct Steps {
    /// Reshapes the event; `None` when the event stays as it is.
    pub transformer: Option<Stage>,
    /// The adapter that describes the request.
    pub handler: Stage,
}

impl Steps {
    /// Whether all components are the host's own, whose time is known.
    fn are_builtin(&self) -> bool {
        let is_builtin = |stage: &Stage| stage.component.is_builtin();
        self.transformer.as_ref().is_none_or(is_builtin) && is_builtin(&self.handler)
    }
}

/// Everything that the components of one attempt are given.
#[derive(Clone)]
pub struct Input {
    pub emit: Arc<Emit>,
    /// The endpoint of the delivery's receiver.
    pub endpoint: Arc<Endpoint>,
    /// The push that owes it; only external peers have one.
    pub push_id: Option<PushId>,
    /// Attributes that the router added to the event.
    pub attributes: Vec<(String, String)>,
    /// Whether the delivery belongs to a replay.
    pub is_replay: bool,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When the attempt began.
    pub now: Time,
}

/// The result of a program's run.
pub struct Prepared {
    /// The request to send, to the endpoint's origin, signed, and with the endpoint's own headers. `None`
    /// when the transformer left the event out. A failure comes with the kind of component that failed.
    pub result: Result<Option<Request>, (AttemptFailure, Failure)>,
    /// Fuel that the components used together.
    pub fuel: u64,
    /// Lines that the components wrote, each with the digest of its component.
    logs: Vec<(Digest, LogLine)>,
}

impl Prepared {
    /// The components' lines as log entries about an attempt at a delivery of the emit. They are taken out.
    pub fn take_lines(&mut self, emit: &Emit, delivery: &DeliveryId, attempt: u32, now: Time) -> Vec<LogEntry> {
        let entry = |(component, line): (Digest, LogLine)| LogEntry {
            organization_id: emit.organization_id.clone(),
            component,
            emit_id: emit.id.clone(),
            attempt: Some((delivery.clone(), attempt)),
            level: line.level.as_str(),
            message: line.message,
            at: now,
        };
        std::mem::take(&mut self.logs).into_iter().map(entry).collect()
    }
}

/// Runs a program for one attempt: here if that is quick, or else in the pool, in the organization's turn.
pub async fn prepare(runtime: &Runtime, cpu: &CpuPool, steps: Steps, input: Input) -> Result<Prepared> {
    if steps.are_builtin() && input.emit.payload.len() <= IN_PLACE_PAYLOAD_BYTES_MAX {
        return Ok(Run::new(runtime, &input).run(&steps));
    }
    let (runtime, organization) = (runtime.clone(), input.endpoint.organization_id.clone());
    cpu.run(&organization, move || Run::new(&runtime, &input).run(&steps)).await
}

/// One run of a program.
struct Run<'a> {
    runtime: &'a Runtime,
    input: &'a Input,
    /// The kind of component that runs at the moment, as a failure of it is recorded.
    running: AttemptFailure,
    fuel: u64,
    logs: Vec<(Digest, LogLine)>,
}

impl<'a> Run<'a> {
    fn new(runtime: &'a Runtime, input: &'a Input) -> Self {
        Self { runtime, input, running: AttemptFailure::Transformer, fuel: 0, logs: Vec::new() }
    }

    fn run(mut self, steps: &Steps) -> Prepared {
        let result = self.result(steps).map_err(|failure| (self.running, failure));
        Prepared { result, fuel: self.fuel, logs: self.logs }
    }

    fn result(&mut self, steps: &Steps) -> Result<Option<Request>, Failure> {
        let input = self.input;
        let replay = input.is_replay.then_some(REPLAY);
        let added = input.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let view = EventView::of(&input.emit, input.push_id.as_ref(), added.chain(replay));
        let event = view.event();
        let Some(transformer) = &steps.transformer else { return self.adapt(&steps.handler, &event).map(Some) };
        let outcome = self.runtime.transform(&transformer.component, &self.call(transformer), &event);
        let Some(transformed) = self.take(transformer, outcome)? else { return Ok(None) };
        let added = transformed.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let attributes: Vec<_> = event.attributes.iter().copied().chain(added).collect();
        let event = Event { payload: &transformed.payload, attributes: &attributes, ..event };
        self.adapt(&steps.handler, &event).map(Some)
    }

    fn adapt(&mut self, adapter: &Stage, event: &Event<'_>) -> Result<Request, Failure> {
        self.running = AttemptFailure::Component;
        let endpoint = &self.input.endpoint;
        let signer = Arc::new(Signer { endpoint: endpoint.clone(), now: self.input.now });
        let outcome = self.runtime.prepare(&adapter.component, &self.call(adapter), event, &endpoint.url, signer);
        let mut described = self.take(adapter, outcome)?;
        if !has_origin_of(&described.url, &endpoint.url) {
            return Err(Failure::Reject("the adapter chose another origin than the receiver's".to_owned()));
        }
        endpoint.headers.add_to(&mut described.headers);
        let weir_runtime::Request { method, url, headers, body } = described;
        Ok(Request { method, url, headers, body: body.into() })
    }

    fn call(&self, stage: &Stage) -> DeliveryCall {
        let Input { endpoint, attempt, now, .. } = self.input;
        DeliveryCall {
            organization: endpoint.organization_id.shared(),
            config: stage.config.clone(),
            subscription_id: endpoint.receiver.subscription().map(SubscriptionId::shared),
            attempt: *attempt,
            attempted_at_ms: u64::try_from(now.as_millis()).unwrap_or(0),
            budget: None,
        }
    }

    /// Takes a component's answer, and adds its fuel and its lines to those of the run.
    fn take<T>(&mut self, stage: &Stage, outcome: Outcome<T>) -> Result<T, Failure> {
        let digest = stage.component.digest();
        self.fuel += outcome.fuel;
        self.logs.extend(outcome.logs.lines.into_iter().map(|line| (digest, line)));
        outcome.result
    }
}

/// Whether two URLs lead to the same scheme, host and port.
fn has_origin_of(url: &str, endpoint: &str) -> bool {
    if url == endpoint {
        return true;
    }
    match (Url::parse(url), Url::parse(endpoint)) {
        (Ok(url), Ok(endpoint)) => url.origin() == endpoint.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::has_origin_of;

    #[test]
    fn an_adapter_stays_at_its_origin() {
        let endpoint = "https://example.org/hook";
        for (url, same) in [
            ("https://example.org/hook", true),
            ("https://example.org:443/other?x=1", true),
            ("http://example.org/hook", false),
            ("https://example.org:444/hook", false),
            ("https://evil.example/hook", false),
            ("https://example.org.evil.example/hook", false),
            ("https://example.org@evil.example/hook", false),
            ("not a url", false),
        ] {
            assert_eq!(has_origin_of(url, endpoint), same, "{url}");
        }
    }
}
