//! `weir admin`: commands of an operator to running hosts, sent through their API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    config::{AdminArgs, AdminCommand},
    error::{Error, Result},
    fail,
};

/// How long one answer may take. A host re-wraps data keys for at most two seconds per request.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Most requests of one rotation. A host with millions of organizations needs hundreds.
const ROUNDS_MAX: u32 = 100_000;

/// Runs a command to its end.
pub(super) async fn run(args: AdminArgs) -> Result<()> {
    let token = args.admin_token.as_deref().ok_or_else(|| fail!(BadRequest, "set WEIR_ADMIN_TOKEN"))?;
    let hosts = args.urls.iter().map(|url| Operator::new(url, token)).collect::<Result<Vec<_>>>()?;
    match args.command {
        AdminCommand::RootKeys => {
            for host in &hosts {
                println!("{}\n{:#}", host.base, host.get("root-keys").await?);
            }
            Ok(())
        }
        AdminCommand::RotateRootKey => rotate_root_key(&hosts).await,
    }
}

/// Makes the `WEIR_ROOT_KEY` of the first host the active one and has that host re-wrap all data
/// keys with it, once every host answers that it was given that key.
async fn rotate_root_key(hosts: &[Operator]) -> Result<()> {
    let [first, ..] = hosts else { return Err(fail!(BadRequest, "name a host with --url")) };
    let primary = first.get("root-keys").await?["primary"].clone();
    for host in hosts {
        let given = host.get("root-keys").await?["given"].clone();
        if !given.as_array().is_some_and(|given| given.contains(&primary)) {
            return Err(fail!(
                InvalidState,
                "{} was not given root key {primary} yet; nothing was changed. Set WEIR_ROOT_KEY there as well, \
                 restart it, and try again",
                host.base
            ));
        }
    }
    let mut rewrapped = 0;
    for _ in 0..ROUNDS_MAX {
        let round = first.post("root-keys/rotate", json!({ "keyId": primary })).await?;
        rewrapped += number(&round, "rewrapped");
        let remaining = number(&round, "remaining");
        println!("root key {}: {rewrapped} data keys re-wrapped, {remaining} to go", round["active"]);
        if remaining == 0 {
            println!("Done. Other root keys can be taken out of the settings of all hosts.");
            return Ok(());
        }
    }
    Err(fail!(Unavailable, "data keys remain after {ROUNDS_MAX} rounds; run the command again"))
}

fn number(answer: &Value, field: &str) -> i64 {
    answer[field].as_i64().unwrap_or(0)
}

/// A client of one host's operator API.
struct Operator {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Operator {
    fn new(url: &str, token: &str) -> Result<Self> {
        // Fails if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            // Send the token to no proxy, and follow no redirect with it.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_MAX)
            .build()
            .map_err(Error::internal)?;
        Ok(Self { base: url.trim_end_matches('/').to_owned(), token: token.to_owned(), client })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::GET, path, String::new()).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(reqwest::Method::POST, path, body.to_string()).await
    }

    /// Sends a request and returns the `data` of the answer.
    async fn send(&self, method: reqwest::Method, path: &str, body: String) -> Result<Value> {
        let url = format!("{}/api/admin/v1/{path}", self.base);
        let request = self.client.request(method, url).bearer_auth(&self.token).body(body);
        let unreachable = |cause: reqwest::Error| fail!(Unavailable, "{} does not answer", self.base).caused_by(cause);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
        if status.is_success() && answer["data"].is_object() {
            return Ok(answer["data"].clone());
        }
        let message = answer["error"]["message"].as_str().unwrap_or("and it does not seem to be Weir");
        Err(fail!(Unavailable, "{} answered {status}: {message}", self.base))
    }
}
