//! The marketplace (contract 3).

use serde_json::{Value, json};

use crate::support::{Answer, Client, client::text};

mod announcements;
mod browsing;
mod forks;
mod listings;

const EVENTS: &str = "/api/v1/events/custom";
const MARKETPLACE: &str = "/api/v1/events/custom/marketplace";

async fn publish(tenant: &Client, registration: &str, title: &str) -> Answer {
    let body = json!({ "registrationId": registration, "title": title });
    tenant.post(&format!("{MARKETPLACE}/publish"), body).await
}

/// Registers an event and lists it; gives the listing's id.
async fn listed(tenant: &Client, name: &str, title: &str) -> String {
    let registration = tenant.register(name, "1.0.0").await;
    text(&publish(tenant, &registration, title).await.created()["id"])
}

async fn listing(tenant: &Client, id: &str) -> Answer {
    tenant.get(&format!("{MARKETPLACE}/{id}")).await
}

async fn unpublish(tenant: &Client, id: &str) -> Answer {
    tenant.delete(&format!("{MARKETPLACE}/{id}")).await
}

async fn republish(tenant: &Client, id: &str) -> Answer {
    tenant.send("POST", &format!("{MARKETPLACE}/{id}/republish"), None::<String>).await
}

/// Forks a listing under the organization's own namespace.
async fn fork(tenant: &Client, id: &str, name: &str) -> Answer {
    fork_with(tenant, id, json!({ "namespace": tenant.namespace, "name": name })).await
}

async fn fork_with(tenant: &Client, id: &str, body: Value) -> Answer {
    tenant.post(&format!("{MARKETPLACE}/{id}/fork"), body).await
}

/// The ids of listings in the order in which the marketplace shows them.
async fn ids(tenant: &Client, query: &str) -> Vec<String> {
    let data = tenant.get(&format!("{MARKETPLACE}?{query}")).await.ok();
    data["listings"].as_array().expect("a list").iter().map(|listing| text(&listing["id"])).collect()
}
