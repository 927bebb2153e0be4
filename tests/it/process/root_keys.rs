//! `weir admin rotate-root-key` against hosts that are killed under it, and that their logs show no secret.

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::json;

use super::host::{ADMIN_TOKEN, Process, ROOT_KEY, folder, serve, weir};
use crate::support::{Receiver, client::text, database::TestDatabase};

/// The key that takes over.
const NEW_ROOT_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// More organizations than one batch of a rotation.
const ORGANIZATIONS: usize = 110;
const KILLS: u64 = 6;

/// `weir admin` with these arguments.
fn admin(arguments: &[&str]) -> std::process::Command {
    let mut command = weir(&[&["admin"], arguments].concat());
    command.env("WEIR_ADMIN_TOKEN", ADMIN_TOKEN);
    command
}

async fn output(mut command: std::process::Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("the binary runs")).await.expect("no panic")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A host that writes its log at the level `trace` to a file.
fn host(database: &Arc<TestDatabase>, log: &Path, root_key: &str, previous: Option<&str>) -> Process {
    let mut command = serve(database);
    command.env("WEIR_LOG", "trace").env("WEIR_ROOT_KEY", root_key);
    if let Some(previous) = previous {
        command.env("WEIR_ROOT_KEY_PREVIOUS", previous);
    }
    let file = fs::OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
    Process::start_with_log(command, Stdio::from(file))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_during_a_rotation_lose_nothing_and_logs_show_nothing() {
    let (database, receiver) = (Arc::new(TestDatabase::create().await), Receiver::start().await);
    let folder = folder("rotation");
    let log = folder.join("log");
    let before = host(&database, &log, ROOT_KEY, None);
    let key = before.organization_key().await;
    for _ in 1..ORGANIZATIONS {
        before.organization_key().await;
    }
    let (_, secret) = before.client(&key).subscribe("platformxe.generic", &receiver.url("/")).await;
    assert!(before.terminate().await.success());

    let mut emits = 0;
    for kill in 0..KILLS {
        let running = host(&database, &log, NEW_ROOT_KEY, Some(ROOT_KEY));
        running.client(&key).emit_generic(json!({ "kind": "k" })).await;
        emits += 1;
        let url = running.url();
        let rotating = tokio::spawn(output(admin(&["rotate-root-key", "--url", &url])));
        // A different moment of the work each time; the command itself takes a moment to start.
        tokio::time::sleep(Duration::from_millis(5 + kill * 9)).await;
        running.kill();
        rotating.await.expect("no panic");
    }
    let running = host(&database, &log, NEW_ROOT_KEY, Some(ROOT_KEY));
    let done = output(admin(&["rotate-root-key", "--url", &running.url()])).await;
    assert!(done.status.success() && said(&done).contains("Done."), "{}", said(&done));
    let shown = output(admin(&["root-keys", "--url", &running.url()])).await;
    assert!(said(&shown).contains("\"remaining\": 0"), "{}", said(&shown));
    assert!(running.terminate().await.success());

    let after = host(&database, &log, NEW_ROOT_KEY, None);
    after.client(&key).emit_generic(json!({ "kind": "k" })).await;
    let arrived = async {
        let distinct = || {
            let mut ids: Vec<String> = receiver.requests().iter().map(|one| text(&one.json()["id"])).collect();
            ids.sort();
            ids.dedup();
            ids.len()
        };
        while distinct() < emits + 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), arrived).await.expect("every event arrives");
    assert!(receiver.requests().iter().all(|request| request.is_signed_with(&secret)));
    assert!(after.terminate().await.success());

    let log = fs::read_to_string(&log).expect("the log is text");
    assert!(log.contains("re-wrapped data keys"), "the log is that of the hosts");
    let mut secrets = vec![secret, key, ADMIN_TOKEN.to_owned()];
    for root_key in [ROOT_KEY, NEW_ROOT_KEY] {
        secrets.extend(spellings(root_key));
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "the log shows a secret");
    }
    drop(fs::remove_dir_all(&folder));
}

/// A key as text, and as the ways in which bytes are commonly printed.
fn spellings(root_key: &str) -> Vec<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(root_key).expect("base64");
    let decimal = format!("{:?}", &bytes[..8]);
    vec![root_key.to_owned(), hex::encode(&bytes), decimal.trim_end_matches(']').trim_start_matches('[').to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_rotated_before_every_host_has_the_key() {
    let database = Arc::new(TestDatabase::create().await);
    let other = Arc::new(TestDatabase::create().await);
    let (with, without) = (
        Process::start({
            let mut command = serve(&database);
            command.env("WEIR_ROOT_KEY", NEW_ROOT_KEY).env("WEIR_ROOT_KEY_PREVIOUS", ROOT_KEY);
            command
        }),
        Process::start(serve(&other)),
    );
    let urls = ["--url", &with.url(), "--url", &without.url()];
    let refused = output(admin(&[&["rotate-root-key"], &urls[..]].concat())).await;
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(
        said(&refused).contains(&without.url()) && said(&refused).contains("nothing was changed"),
        "{}",
        said(&refused)
    );

    let mut wrong_token = admin(&["root-keys", "--url", &with.url()]);
    wrong_token.env("WEIR_ADMIN_TOKEN", "another-token");
    assert!(said(&output(wrong_token).await).contains("401"));
    let mut no_token = weir(&["admin", "root-keys"]);
    no_token.env_remove("WEIR_ADMIN_TOKEN");
    assert!(said(&output(no_token).await).contains("WEIR_ADMIN_TOKEN"));
    assert!(said(&output(admin(&["root-keys", "--url", "http://127.0.0.1:1"])).await).contains("does not answer"));
    for host in [with, without] {
        assert!(host.terminate().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_keys_may_come_from_a_file() {
    let database = Arc::new(TestDatabase::create().await);
    let folder = folder("key-file");
    let file = folder.join("root-keys");
    fs::write(&file, format!("# new\n{NEW_ROOT_KEY}\n# before\n{ROOT_KEY}\n")).expect("writable");
    let mut command = serve(&database);
    command.env_remove("WEIR_ROOT_KEY").env("WEIR_ROOT_KEY_FILE", &file);
    let host = Process::start(command);
    let status = host.admin().get("/api/admin/v1/root-keys").await.ok();
    assert_eq!(status["given"].as_array().map(Vec::len), Some(2), "{status}");
    assert!(host.terminate().await.success());
    fs::write(&file, "too short\n").expect("writable");
    let mut command = serve(&database);
    command.env_remove("WEIR_ROOT_KEY").env("WEIR_ROOT_KEY_FILE", &file);
    let refused = output(command).await;
    assert!(said(&refused).contains("--root-key-file") && !said(&refused).contains("too short"), "{}", said(&refused));
    drop(fs::remove_dir_all(&folder));
}
