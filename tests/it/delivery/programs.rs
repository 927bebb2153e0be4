//! Programs: a delivery keeps the components that it was routed with, and the lines that components
//! write are kept beside it.

use std::time::Duration;

use serde_json::json;
use weir_runtime::Digest;

use crate::support::{
    Client, Receiver, Reply, TestApp,
    database::{execute, is_postgres, number},
    fixtures::fixture,
};

/// Gives the only delivery a program of its own, as if an earlier release had routed it.
async fn pin(app: &TestApp, columns: &str) {
    let sql = format!(
        "insert into program (id, organization_id, transformer_digest, transformer_config, handler_digest,
                              handler_config)
         select 'prg_earlier', {columns} from program;
         update delivery set program_id = 'prg_earlier'"
    );
    execute(&app.database.location, &sql).await;
}

/// Stores a fixture as a component of some earlier release, and gives its digest.
async fn store(app: &TestApp, name: &str, world: &str) -> Digest {
    let wasm = fixture(name);
    let digest = Digest::of(&wasm);
    let hex = hex::encode(&wasm);
    let bytes = if is_postgres() { format!("'\\x{hex}'") } else { format!("x'{hex}'") };
    let sql = format!(
        "insert into component (digest, name, world, wasm, created_at)
         values ('{digest}', '{name}', '{world}', {bytes}, 0)"
    );
    execute(&app.database.location, &sql).await;
    digest
}

async fn subscribed(app: &TestApp, receiver: &Receiver) -> (Client, String) {
    let acme = app.organization("PRO").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    (acme, id)
}

#[tokio::test]
async fn a_delivery_keeps_the_components_that_it_was_routed_with() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, _) = subscribed(&app, &receiver).await;
    receiver.always(Reply::status(500));
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let first = receiver.requests().pop().expect("one attempt").body;

    let digest = store(&app, "signs-once", "adapter").await;
    pin(&app, &format!("organization_id, null, null, '{digest}', '{{}}'")).await;
    let app = app.restart().await;
    let acme = app.client_of(&acme);
    receiver.always(Reply::status(200));
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    let second = receiver.requests().pop().expect("another attempt").body;
    assert_ne!(first, second);
    assert_eq!(second.len(), 32, "the earlier adapter sends a signature");
    let explained = acme.get(&format!("/api/v1/emits/{emit}/explain")).await.ok();
    let steps = explained["items"][0]["steps"].as_array().expect("steps");
    let adapt = steps.iter().rfind(|step| step["stage"] == "adapt").expect("an adapter was asked");
    assert_eq!(adapt["componentDigest"], digest.to_string());
    app.stop().await;
}

#[tokio::test]
async fn a_transformer_of_a_program_reshapes_the_event_and_its_lines_are_kept() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, _) = subscribed(&app, &receiver).await;
    receiver.always(Reply::status(500));
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;

    let digest = store(&app, "floods-log", "transformer").await;
    pin(&app, &format!("organization_id, '{digest}', '{{}}', handler_digest, handler_config")).await;
    let app = app.restart().await;
    receiver.always(Reply::status(200));
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    let location = &app.database.location;
    let lines = format!(
        "select count(*)
           from component_log
           join delivery on delivery.id = component_log.delivery_id
          where component_log.component = '{digest}' and attempt = 2 and level = 'info'"
    );
    assert!(number(location, &lines).await > 0, "no line was kept");

    app.clock.advance(Duration::from_hours(24 * 365));
    app.app().workers.keep_house().await.expect("the database works");
    assert_eq!(number(location, "select count(*) from component_log").await, 0, "old lines are deleted");
    app.stop().await;
}

#[tokio::test]
async fn lines_of_a_router_are_kept_beside_the_event() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, subscription) = subscribed(&app, &receiver).await;
    let sql = format!("update subscription set filter = '[broken' where id = '{subscription}'");
    execute(&app.database.location, &sql).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 0, "a filter that cannot be read matches nothing");
    let lines = "select count(*)
                   from component_log
                   join emit on emit.id = component_log.emit_id
                  where level = 'error' and delivery_id is null and component = emit.router_digest";
    assert_eq!(number(&app.database.location, lines).await, 1);
    app.stop().await;
}
