//! `weir admin`: what an operator does to running hosts, through their API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    config::{AdminArgs, AdminCommand},
    error::{Error, Result},
    fail,
};

/// How long one answer may take: a host re-wraps for two seconds at most before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Requests until everything is re-wrapped: a host with millions of organizations needs hundreds.
const TURNS_MAX: u32 = 100_000;

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

/// Has the first host make its `WEIR_ROOT_KEY` the active one and re-wrap everything, after all
/// hosts have said that they were given that key.
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
    for _ in 0..TURNS_MAX {
        let turn = first.post("root-keys/rotate", json!({ "keyId": primary })).await?;
        rewrapped += number(&turn, "rewrapped");
        let remaining = number(&turn, "remaining");
        println!("root key {}: {rewrapped} data keys re-wrapped, {remaining} to go", turn["active"]);
        if remaining == 0 {
            println!("Done. Other root keys can be taken out of the settings of all hosts.");
            return Ok(());
        }
    }
    Err(fail!(Unavailable, "data keys remain after {TURNS_MAX} turns; run the command again"))
}

fn number(answer: &Value, member: &str) -> i64 {
    answer[member].as_i64().unwrap_or(0)
}

/// The operator's client of one host.
struct Operator {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Operator {
    fn new(url: &str, token: &str) -> Result<Self> {
        // Fails when another part of the process was first, which comes to the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            // The token goes to the host that was named and nowhere else.
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

    /// Sends a request and gives the answer's `data`.
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
        let said = answer["error"]["message"].as_str().unwrap_or("and it does not seem to be Weir");
        Err(fail!(Unavailable, "{} answered {status}: {said}", self.base))
    }
}
