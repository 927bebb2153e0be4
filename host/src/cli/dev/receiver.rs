//! A receiver on loopback that verifies what arrives and shows it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use crate::{
    db,
    domain::{
        id::OrganizationId,
        signature::{Secret, hmac_sha256},
        subscription::Kind,
    },
    error::{Error, Result},
    service::Host,
};

/// The organizations whose deliveries arrive here, by slug and id.
#[derive(Clone)]
pub(super) struct Senders {
    host: Arc<Host>,
    organizations: Arc<[(String, OrganizationId)]>,
}

impl Senders {
    pub(super) fn new(host: Arc<Host>, organizations: Vec<(String, OrganizationId)>) -> Self {
        Self { host, organizations: organizations.into() }
    }

    /// The slug of the organization that signed this, if one of them did.
    async fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Option<&str> {
        for (slug, organization) in self.organizations.iter() {
            let secrets = secrets(&self.host, organization).await.unwrap_or_default();
            if secrets.iter().any(|secret| is_signed(headers, body, secret)) {
                return Some(slug);
            }
        }
        None
    }
}

/// Starts the receiver on this port, or on a free one if it is taken; gives its URL and port.
pub(super) async fn start(senders: Senders, port: u16) -> Result<(String, u16)> {
    let bind = async |port: u16| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let listener = match bind(port).await {
        Ok(listener) => listener,
        Err(_taken) => bind(0).await.map_err(Error::internal)?,
    };
    let address = listener.local_addr().map_err(Error::internal)?;
    let app = Router::new().route("/", post(receive)).with_state(senders);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((format!("http://{address}/"), address.port()))
}

async fn receive(State(senders): State<Senders>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event = header(&headers, "x-event-type").unwrap_or("?");
    let id = header(&headers, "x-event-id").unwrap_or("?");
    let Some(slug) = senders.verify(&headers, &body).await else {
        println!("\nreceived {id} {event}: the signature does not verify, refused");
        return StatusCode::UNAUTHORIZED;
    };
    let whose = if senders.organizations.len() > 1 { format!(" of {slug}") } else { String::new() };
    println!("\nreceived {id} {event}, signature{whose} verified\n  {}", String::from_utf8_lossy(&body));
    StatusCode::OK
}

/// The secrets of all subscriptions: which of them a delivery is for, it does not say.
async fn secrets(host: &Host, organization: &OrganizationId) -> Result<Vec<Secret>> {
    let mut tx = host.db.read().await?;
    let mut subscriptions = db::subscription::list(&mut tx, organization, Kind::EventSubscription).await?;
    subscriptions.extend(db::subscription::list(&mut tx, organization, Kind::Webhook).await?);
    drop(tx);
    let mut secrets = Vec::new();
    for subscription in subscriptions {
        let target = host.memory.target(organization, &subscription.id.into()).await?;
        secrets.extend(target.iter().flat_map(|target| target.secrets.live_at(host.now())).cloned());
    }
    Ok(secrets)
}

/// Whether both kinds of signatures verify: the platform's, and that of Standard Webhooks when
/// the secret has the form for it.
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &Secret) -> bool {
    let platform = format!("sha256={}", hex::encode(hmac_sha256(secret.platform_key(), &[body])));
    let is_platform = header(headers, "x-caldera-signature").is_some_and(|sent| is_same(sent, &platform));
    let Some(key) = secret.standard_key() else { return is_platform };
    let (Some(id), Some(at), Some(sent)) =
        (header(headers, "webhook-id"), header(headers, "webhook-timestamp"), header(headers, "webhook-signature"))
    else {
        return false;
    };
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    let standard = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &parts)));
    is_platform && sent.split(' ').any(|one| is_same(one, &standard))
}

fn is_same(sent: &str, expected: &str) -> bool {
    sent.as_bytes().ct_eq(expected.as_bytes()).into()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
