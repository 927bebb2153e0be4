//! `weir dev`: the organizations and the receiver that it sets up, and the tours that it suggests.

use std::{
    fs,
    fs::File,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use weir::domain::limits::DEV_ORGANIZATIONS_MAX;

use super::host::{Process, folder, weir};
use crate::support::{Client, client::text};

/// `weir dev` on a free port.
fn dev(data: &Path) -> Command {
    weir(&["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("UTF-8"), "--log", "warn"])
}

/// Waits for the first delivery of the organization, and gives it.
async fn delivered(client: &Client) -> Value {
    let delivered = async {
        loop {
            let found = client.get("/api/v1/deliveries?status=SUCCESS").await.ok();
            if found["total"] == 1 {
                return found["items"][0].clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), delivered).await.expect("it is delivered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_sets_up_all_that_is_needed_and_finds_it_again() {
    let folder = folder("dev");
    let data = folder.join("data");
    let host = Process::start(dev(&data));
    let ready = host.ready.clone();
    let acme = &ready["organizations"][0];
    assert_eq!((&acme["slug"], &acme["plan"]), (&json!("acme"), &json!("ENTERPRISE")));
    let key = text(&acme["apiKey"]);
    assert!(key.starts_with("pxk_dev_"), "{key}");
    let mode = fs::metadata(data.join("credentials.json")).expect("they are kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let admin = host.anonymous().with_header("authorization", &format!("Bearer {}", text(&ready["adminToken"])));
    admin.get("/api/admin/v1/status").await.ok();

    // The receiver acknowledges requests that the host signed, and refuses any others.
    let client = host.client(&key);
    client.subscribe("platformxe.generic", ready["receiverUrl"].as_str().expect("a URL")).await;
    client.emit_generic(json!({ "kind": "k" })).await;
    delivered(&client).await;
    let receiver: url::Url = text(&ready["receiverUrl"]).parse().expect("a URL");
    assert_eq!(forged(&receiver).await, 401);
    assert!(host.terminate().await.success());

    let host = Process::start(dev(&data));
    let again = host.ready.clone();
    let same = |member: &str| assert_eq!(again[member], ready[member]);
    same("adminToken");
    same("organizations");
    same("receiverUrl");
    let total: Value = host.client(&key).get("/api/v1/emits").await.ok()["total"].clone();
    assert_eq!(total, 1);
    assert!(host.terminate().await.success());
    drop(fs::remove_dir_all(&folder));
}

/// The status that the receiver answers to a request without a signature.
async fn forged(receiver: &url::Url) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = (receiver.host_str().expect("a host"), receiver.port().expect("a port"));
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let request = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// The tour that `weir dev --organizations 2` suggests and docs/federation.md has, step by step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_organizations_share_an_event_as_dev_suggests() {
    const FEDERATION: &str = "/api/v1/events/custom/federation/groups";
    let folder = folder("dev-two");
    let output = folder.join("output");
    let mut command = dev(&folder.join("data"));
    command.args(["--organizations", "2"]);
    let host = Process::start_with(command, File::create(&output).expect("writable").into(), Stdio::inherit());
    let known = |index: usize, member: &str| text(&host.ready["organizations"][index][member]);
    let organization = |index| host.client(&known(index, "apiKey")).of(&known(index, "id"), &known(index, "slug"));
    let (acme, globex) = (organization(0), organization(1));
    let receiver = text(&host.ready["receiverUrl"]);

    let event = acme.register("order.placed", "1.0.0").await;
    let group = text(&acme.post(FEDERATION, json!({ "name": "Partners" })).await.created()["id"]);
    let group = format!("{FEDERATION}/{group}");
    let invited = json!({ "memberOrganizationId": known(1, "id") });
    acme.post(&format!("{group}/invite"), invited).await.created();
    assert_eq!(globex.post(&format!("{group}/accept"), json!({})).await.ok()["status"], "accepted");
    acme.post(&format!("{group}/pushes"), json!({ "registrationId": event })).await.created();
    let subscription = json!({ "name": "acme.order.placed", "version": "1.0.0", "webhookUrl": receiver });
    globex.post("/api/v1/events/custom/subscribe", subscription).await.created();
    let emit = acme.emit("acme.order.placed", json!({ "orderId": "o_1" })).await;

    let delivery = delivered(&globex).await;
    let canonical_name = format!("TENANT_CUSTOM:{}:acme.order.placed@1.0.0", known(1, "id"));
    assert_eq!((&delivery["emitId"], &delivery["canonicalName"]), (&json!(emit), &json!(canonical_name)));
    let relays = acme.get(&format!("{group}/relays")).await.ok();
    assert_eq!((&relays["total"], &relays["items"][0]["status"]), (&json!(1), &json!("relayed")));
    assert_eq!(relays["items"][0]["peerCanonicalName"], canonical_name.as_str());

    // The output has everything that a reader needs for the same steps, and the event that arrived.
    let shown = fs::read_to_string(&output).expect("UTF-8");
    for index in [0, 1] {
        let [slug, id, key] = ["slug", "id", "apiKey"].map(|member| known(index, member));
        assert!(shown.contains(&format!("Organization {slug} (ENTERPRISE), namespace {slug}, {id}, key {key}\n")));
    }
    let steps = ["custom ", "/groups ", "/invite ", "/accept ", "/pushes ", "/subscribe ", "/emit ", "/relays "];
    let mut rest = shown.as_str();
    for step in steps {
        rest = rest.split_once(step).unwrap_or_else(|| panic!("{step:?} is not suggested in its turn: {shown}")).1;
    }
    let (_, arrived) = rest
        .split_once(&format!("received {emit} {canonical_name}, signature of globex verified\n"))
        .expect("it is shown");
    let arrived: Value = serde_json::from_str(arrived.lines().next().expect("its body")).expect("JSON");
    assert_eq!(
        (&arrived["isFederationRelay"], &arrived["sourceOrganizationId"]),
        (&json!(true), &json!(known(0, "id")))
    );
    assert_eq!(arrived["data"], json!({ "orderId": "o_1" }));
    assert!(host.terminate().await.success());
    drop(fs::remove_dir_all(&folder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_organizations_max() {
    let folder = folder("dev-many");
    let start = |count: u32| {
        let mut command = dev(&folder.join("data"));
        command.args(["--organizations", &count.to_string()]);
        command
    };
    for wrong in [0, DEV_ORGANIZATIONS_MAX + 1] {
        let output = start(wrong).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("--organizations"), "{wrong}: {said}");
    }
    let host = Process::start(start(DEV_ORGANIZATIONS_MAX));
    let all = host.ready["organizations"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(DEV_ORGANIZATIONS_MAX as usize));
    assert!(host.terminate().await.success());
    // A start with fewer organizations removes none: their keys may be in use.
    let host = Process::start(start(1));
    assert_eq!(host.ready["organizations"], all);
    assert!(host.terminate().await.success());
    drop(fs::remove_dir_all(&folder));
}
