//! Rotating the root key while hosts run, and starting with the wrong one.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use weir::{
    app::{App, Settings},
    domain::{root_keys::RootKeys, vault::RootKey},
};

use crate::support::{
    Client, Receiver, TestApp,
    client::text,
    database::{TestDatabase, execute, is_postgres},
};

const STATUS: &str = "/api/admin/v1/root-keys";
const ROTATE: &str = "/api/admin/v1/root-keys/rotate";
/// More organizations than one batch of a rotation.
const ORGANIZATIONS: usize = 120;

fn key(byte: u8) -> RootKey {
    RootKey::new([byte; 32])
}

fn id(byte: u8) -> String {
    key(byte).id().to_string()
}

/// The setting of a host, as its operator changes it between two starts.
#[derive(Clone)]
struct Setting(Arc<Mutex<RootKeys>>);

impl Setting {
    fn new(primary: u8) -> Self {
        Self(Arc::new(Mutex::new(key(primary).into())))
    }

    fn set(&self, primary: u8, others: &[u8]) {
        let keys = RootKeys::new(key(primary), others.iter().copied().map(key));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    async fn start(&self) -> TestApp {
        let setting = self.0.clone();
        let keys = move || setting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TestApp::with(move |settings| settings.root_keys = keys()).await
    }
}

/// The error of a start with these keys.
async fn refusal(database: &TestDatabase, keys: RootKeys) -> String {
    let refused = App::start(Settings::new(database.location.clone(), keys)).await;
    refused.err().expect("the start is refused").to_string()
}

/// A subscription of an organization, and the path at which its deliveries arrive.
struct Subscribed {
    client: Client,
    path: String,
    secret: String,
}

async fn subscribed(app: &TestApp, receiver: &Receiver, path: &str) -> Subscribed {
    let client = app.organization("ENTERPRISE").await;
    let (_, secret) = client.subscribe("platformxe.generic", &receiver.url(path)).await;
    Subscribed { client, path: path.to_owned(), secret }
}

/// Asks until nothing remains, as `weir admin rotate-root-key` does.
async fn rotate(operator: &Client) -> (i64, Value) {
    let mut rewrapped = 0;
    loop {
        let turn = operator.post(ROTATE, json!({ "keyId": id(2) })).await.ok();
        rewrapped += turn["rewrapped"].as_i64().expect("a number");
        if turn["remaining"] == 0 {
            return (rewrapped, turn);
        }
    }
}

fn check_signatures(receiver: &Receiver, all: &[Subscribed]) {
    for request in receiver.requests() {
        let owner = all.iter().find(|one| one.path == request.path).expect("a known path");
        assert!(request.is_signed_with(&owner.secret), "a signature of {} does not verify", request.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_load_fails_no_signature() {
    let (setting, receiver) = (Setting::new(1), Receiver::start().await);
    let app = setting.start().await;
    let mut all = Vec::new();
    for number in 0..4 {
        all.push(subscribed(&app, &receiver, &format!("/{number}")).await);
    }
    for _ in all.len()..ORGANIZATIONS {
        app.organization("FREE").await;
    }
    // The new key is given to every host before it is used.
    setting.set(2, &[1]);
    let app = app.restart().await;
    let beside = app.beside_on_postgres().await;
    app.admin().post(ROTATE, json!({ "keyId": id(1) })).await.refused(409, "invalid_state");
    let status = app.admin().get(STATUS).await.ok();
    assert_eq!((&status["primary"], &status["active"]), (&json!(id(2)), &json!(id(1))));
    assert_eq!(status["given"], json!([id(2), id(1)]));
    assert_eq!(status["inUse"], json!([{ "id": id(1), "organizations": ORGANIZATIONS }]));

    let mut traffic = JoinSet::new();
    for (number, one) in all.iter().enumerate() {
        let host = beside.as_ref().filter(|_| number % 2 == 0).unwrap_or(&app);
        let client = host.client_of(&one.client);
        traffic.spawn(async move {
            for n in 0..60 {
                client.emit_generic(json!({ "kind": "k", "data": { "n": n } })).await;
            }
        });
    }
    receiver.wait_for(10).await;
    // An organization that is created during the rotation is not forgotten.
    let admin = app.admin();
    let rotating = tokio::spawn(async move { rotate(&admin).await });
    all.push(subscribed(&app, &receiver, "/late").await);
    let (rewrapped, status) = rotating.await.expect("no panic");
    while let Some(ended) = traffic.join_next().await {
        ended.expect("every emit was accepted");
    }
    all[4].client.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(4 * 60 + 1).await;

    assert!(rewrapped >= i64::try_from(ORGANIZATIONS).expect("few"), "{rewrapped}");
    assert_eq!((&status["active"], &status["remaining"]), (&json!(id(2)), &json!(0)));
    let status = app.admin().get(STATUS).await.ok();
    assert_eq!(status["inUse"], json!([{ "id": id(2), "organizations": ORGANIZATIONS + 1 }]));
    if let Some(beside) = beside {
        app.settle().await;
        beside.stop().await;
    }

    // Without the old key every delivery is still signed with the secret that its receiver knows.
    setting.set(2, &[]);
    let app = app.restart().await;
    for one in &all {
        app.client_of(&one.client).emit_generic(json!({ "kind": "k" })).await;
    }
    app.settle().await;
    assert_eq!(receiver.requests().len(), 4 * 60 + 1 + all.len());
    check_signatures(&receiver, &all);
    app.stop().await;
}

/// A crash in the middle of a rotation leaves the new key active, and half of the data keys wrapped with
/// it.
#[tokio::test]
async fn a_rotation_that_was_interrupted_goes_on() {
    let (setting, receiver) = (Setting::new(1), Receiver::start().await);
    let app = setting.start().await;
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(subscribed(&app, &receiver, &format!("/{number}")).await);
    }
    let location = app.database.location.clone();
    execute(&location, "create table before_rotation as select id, data_key from organization").await;
    setting.set(2, &[1]);
    let app = app.restart().await;
    assert_eq!(rotate(&app.admin()).await.0, 6);
    let ids: Vec<&str> = all[..3].iter().map(|one| one.client.id.as_str()).collect();
    let half = ids.join("', '");
    let undo = format!(
        "update organization
            set data_key = (select data_key from before_rotation where before_rotation.id = organization.id)
          where id in ('{half}');
         drop table before_rotation"
    );
    execute(&location, &undo).await;

    let app = app.restart().await;
    let status = app.admin().get(STATUS).await.ok();
    assert_eq!((&status["active"], &status["remaining"]), (&json!(id(2)), &json!(3)));
    for one in &all {
        app.client_of(&one.client).emit_generic(json!({ "kind": "k" })).await;
    }
    app.settle().await;
    assert_eq!(rotate(&app.admin()).await.0, 3);
    assert_eq!(rotate(&app.admin()).await.0, 0, "once more changes nothing");
    assert_eq!(receiver.requests().len(), 6);
    check_signatures(&receiver, &all);
    app.stop().await;
}

#[tokio::test]
async fn a_host_without_a_key_that_is_needed_does_not_start() {
    let setting = Setting::new(1);
    let app = setting.start().await;
    app.organization("FREE").await;
    setting.set(2, &[1]);
    let app = app.restart().await;
    rotate(&app.admin()).await;
    app.organization("FREE").await;
    let database = app.database.clone();
    app.stop().await;
    for (keys, given) in [(RootKeys::from(key(1)), id(1)), (RootKeys::new(key(3), [key(1)]), id(3))] {
        let said = refusal(&database, keys).await;
        for word in [id(2), given, "WEIR_ROOT_KEY_PREVIOUS".to_owned()] {
            assert!(said.contains(&word), "{said}");
        }
    }
    let started = App::start(Settings::new(database.location.clone(), RootKeys::new(key(3), [key(2)]))).await;
    started.expect("the key in use is there, although it is not the one to use").stop().await;
}

/// A database without organizations has an active key, too: otherwise two hosts with different keys could
/// both use it.
#[tokio::test]
async fn the_first_start_decides_which_key_is_active() {
    let setting = Setting::new(1);
    let app = setting.start().await;
    if is_postgres() {
        let said = refusal(&app.database, key(2).into()).await;
        assert!(said.contains(&id(1)) && said.contains(&id(2)), "{said}");
    }
    setting.set(2, &[1]);
    let app = app.restart().await;
    app.organization("FREE").await;
    let status = app.admin().get(STATUS).await.ok();
    assert_eq!(status["inUse"], json!([{ "id": id(1), "organizations": 1 }]), "no key was rotated");
    assert_eq!(text(&status["activatedAt"]), "2026-05-06T12:00:00.000Z");
    app.stop().await;
}

/// The operator rotated before every host was given the new key: the host without it says so, loses
/// nothing, and works again once it has the key.
#[tokio::test]
async fn a_host_that_missed_a_rotation_loses_nothing() {
    let (setting, receiver) = (Setting::new(1), Receiver::start().await);
    let late = setting.start().await;
    let one = subscribed(&late, &receiver, "/").await;
    setting.set(2, &[1]);
    if is_postgres() {
        let beside = late.beside().await;
        rotate(&beside.admin()).await;
        beside.stop().await;
    } else {
        // An SQLite file has one host, which cannot miss more than the name of the active key.
        execute(&late.database.location, &format!("update root_key set key_id = '{}'", id(2))).await;
    }
    late.admin().post("/api/admin/v1/organizations", json!({ "name": "Another" })).await.refused(503, "unavailable");
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    let answer = one.client.post("/api/v1/events/custom/emit", body.clone()).await;
    if is_postgres() {
        answer.refused(503, "unavailable");
    } else {
        answer.accepted();
    }
    let late = late.restart().await;
    let again = late.client_of(&one.client);
    again.post("/api/v1/events/custom/emit", body).await.accepted();
    late.admin().post("/api/admin/v1/organizations", json!({ "name": "Another" })).await.created();
    late.settle().await;
    assert_eq!(receiver.requests().len(), if is_postgres() { 1 } else { 2 });
    check_signatures(&receiver, &[one]);
    late.stop().await;
}
