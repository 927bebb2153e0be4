//! The commands of the binary: refusing bad settings, stopping, comparing schemas.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::host::{ADMIN_TOKEN, Process, ROOT_KEY, folder, serve, weir};
use crate::support::{Receiver, Reply, database::TestDatabase};

/// Runs a command that has to fail, and gives its error.
fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = weir(arguments).envs(variables.iter().copied()).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} {variables:?} was not refused");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn every_bad_setting_is_named() {
    let folder = folder("bad-settings");
    let database = format!("sqlite:{}", folder.join("weir.db").display());
    let good = [("WEIR_DATABASE", database.as_str()), ("WEIR_ROOT_KEY", ROOT_KEY)];
    let with = |name: &'static str, value: &'static str| {
        let mut variables: Vec<(&str, &str)> = good.iter().copied().filter(|(known, _)| *known != name).collect();
        variables.push((name, value));
        refusal(&["serve", "--listen", "127.0.0.1:0"], &variables)
    };
    assert!(refusal(&["serve"], &[]).contains("--database"));
    assert!(refusal(&["serve"], &good[..1]).contains("--root-key"));
    for (name, value, said) in [
        ("WEIR_DATABASE", "mysql://localhost/x", "sqlite:PATH or postgres://"),
        ("WEIR_DATABASE", "sqlite:", "path of a file"),
        ("WEIR_DATABASE", "sqlite::memory:", "path of a file"),
        ("WEIR_DATABASE", "postgres://localhost:notaport/x", "PostgreSQL URL"),
        ("WEIR_DATABASE", "postgres://127.0.0.1:1/x", "database"),
        ("WEIR_DATABASE", "postgres://weir:password@localhost:notaport/x", "PostgreSQL URL"),
        ("WEIR_ROOT_KEY", "tooshort", "32 bytes"),
        ("WEIR_ROOT_KEY_PREVIOUS", "tooshort,tooshort", "--root-key-previous: a root key is 32 bytes"),
        ("WEIR_ROOT_KEY_FILE", "/nonexistent/file", "--root-key-file"),
        ("WEIR_ADMIN_TOKEN", "short", "at least 16"),
        ("WEIR_RETRY_SCHEDULE", "30,abc", "abc"),
        ("WEIR_RETRY_SCHEDULE", "90000", "86400"),
        ("WEIR_DELIVERIES_MAX", "0", "0"),
        ("WEIR_ALLOW_TARGET", "10.0.0.0/99", "10.0.0.0/99"),
        ("WEIR_LOG", "weir=loudly", "--log"),
        ("WEIR_LOG_FORMAT", "xml", "xml"),
    ] {
        let answer = with(name, value);
        assert!(answer.contains(said), "{name}={value}: {answer}");
        assert!(!answer.contains(ROOT_KEY), "a secret was shown");
        // The error must not show a value that is nearly the secret, such as one with a letter too few.
        let is_secret = name.ends_with("_KEY") || name.ends_with("_TOKEN") || name.ends_with("_PREVIOUS");
        assert!(!answer.contains("password"), "{name} was shown: {answer}");
        assert!(!is_secret || !answer.contains(value), "{name} was shown: {answer}");
    }
    drop(fs::remove_dir_all(&folder));
}

#[test]
fn an_address_that_is_taken_and_a_folder_that_cannot_be_made_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let folder = folder("taken");
    let database = format!("sqlite:{}", folder.join("weir.db").display());
    let variables = [("WEIR_DATABASE", database.as_str()), ("WEIR_ROOT_KEY", ROOT_KEY)];
    assert!(refusal(&["serve", "--listen", &address], &variables).contains(&address));
    fs::write(folder.join("file"), "").expect("writable");
    let below_a_file = format!("sqlite:{}", folder.join("file/weir.db").display());
    let variables = [("WEIR_DATABASE", below_a_file.as_str()), ("WEIR_ROOT_KEY", ROOT_KEY)];
    assert!(refusal(&["serve", "--listen", "127.0.0.1:0"], &variables).contains("folder"));
    drop(fs::remove_dir_all(&folder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_finishes_what_is_under_way_and_exits_with_zero() {
    let database = Arc::new(TestDatabase::create().await);
    let receiver = Receiver::start().await;
    receiver.then(Reply::Hang);
    let host = Process::start(serve(&database));
    let key = host.organization_key().await;
    let acme = host.client(&key);
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    let stopping = tokio::spawn(host.terminate());
    tokio::time::sleep(Duration::from_millis(200)).await;
    receiver.release();
    let status = stopping.await.expect("it stops");
    assert!(status.success(), "{status:?}");

    // The attempt that was under way was recorded, so nothing is sent again.
    let host = Process::start(serve(&database));
    let delivery = host.client(&key).only_delivery().await;
    assert_eq!((&delivery["status"], delivery["attempts"].as_array().map(Vec::len)), (&json!("SUCCESS"), Some(1)));
    assert!(host.terminate().await.success());
    assert_eq!(receiver.requests().len(), 1);
}

/// A stop does not wait for an endpoint that hangs, and the interrupted attempt is not counted: here it is
/// the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_request_uses_up_no_attempt() {
    let database = Arc::new(TestDatabase::create().await);
    let receiver = Receiver::start().await;
    receiver.then(Reply::Hang);
    let host = Process::start(serve(&database));
    let key = host.organization_key().await;
    let subscription = json!({ "name": "platformxe.generic", "webhookUrl": receiver.url("/"), "retrySchedule": [] });
    host.client(&key).post("/api/v1/events/custom/subscribe", subscription).await.created();
    host.client(&key).emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    let asked = Instant::now();
    assert!(host.terminate().await.success());
    assert!(asked.elapsed() < Duration::from_secs(9), "the stop took {:?}", asked.elapsed());

    let host = Process::start(serve(&database));
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[0].header("x-event-id"), requests[1].header("x-event-id"));
    let delivery = async {
        loop {
            let delivery = host.client(&key).only_delivery().await;
            if delivery["status"] != "PENDING" {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let delivery = tokio::time::timeout(Duration::from_secs(20), delivery).await.expect("it is recorded");
    let attempts = delivery["attempts"].as_array().expect("a list");
    assert_eq!((&delivery["status"], attempts.len()), (&json!("SUCCESS"), 1));
    assert_eq!((&attempts[0]["number"], &attempts[0]["responseStatus"]), (&json!(1), &json!(200)));
    assert!(host.terminate().await.success());
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn schemas_are_compared_without_a_host() {
    let folder = folder("schema-check");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("writable");
        path.to_str().expect("UTF-8").to_owned()
    };
    let old = file("old.json", r#"{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}"#);
    let more = file(
        "more.json",
        r#"{"type":"object","properties":{"id":{"type":"string"},"n":{"type":"integer"}},"required":["id"]}"#,
    );
    let less =
        file("less.json", r#"{"type":"object","properties":{"id":{"type":"string","maxLength":3}},"required":["id"]}"#);
    let told = file(
        "told.json",
        r#"{"type":"object","properties":{"id":{"type":"string","description":"d"}},"required":["id"]}"#,
    );
    let deep = file("deep.json", r#"{"items":{"items":{"items":{"items":{"items":{"items":{}}}}}}}"#);
    let run = |arguments: &[&str]| {
        let output = weir(&[&["schema", "check"], arguments].concat()).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    for (arguments, code, said) in [
        (vec![old.as_str(), &more], 0, "compatible: "),
        (vec![&old, &more, "--strict"], 1, "/properties/n/type"),
        (vec![&old, &less], 1, "/properties/id/maxLength: longer texts were valid"),
        (vec![&old, &less], 1, "\"id\": \"aaaa\""),
        (vec![&old, &told, "--patch"], 0, "nothing but descriptions"),
        (vec![&old, &more, "--patch"], 1, "more than descriptions"),
        (vec![&old, &deep], 2, "6 levels"),
        (vec![&old, "/nowhere.json"], 2, "cannot read /nowhere.json"),
        (vec![&old], 2, "<NEW>"),
    ] {
        let (found, answer) = run(&arguments);
        assert!(found == Some(code) && answer.contains(said), "{arguments:?}: {found:?} {answer}");
    }
    let (_, answer) = run(&[&old, &less, "--json"]);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((&answer["compatible"], &answer["counterexample"]), (&json!(false), &json!({ "id": "aaaa" })));
    assert_eq!(answer["violations"][0]["rule"], "maxLength");
    drop(fs::remove_dir_all(&folder));
}

/// Payloads of all organizations are in these files.
#[tokio::test]
async fn no_other_user_reads_the_files_of_a_database() {
    let folder = folder("files");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
    let file = |suffix: &str| folder.join(format!("weir.db{suffix}"));
    // Files of an older release, which all may read.
    for suffix in ["", ".lock"] {
        fs::write(file(suffix), "").expect("it can be made");
        fs::set_permissions(file(suffix), Permissions::from_mode(0o644)).expect("it is ours");
    }
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_weir"), "serve"]);
    command.args(["--listen", "127.0.0.1:0", "--allow-private-targets"]).env_clear();
    command
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("WEIR_DATABASE", format!("sqlite:{}", file("").display()))
        .env("WEIR_ROOT_KEY", ROOT_KEY)
        .env("WEIR_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("WEIR_CODE_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/code"));
    let host = Process::start(command);
    host.organization_key().await;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = fs::metadata(file(suffix)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "weir.db{suffix}");
    }
    assert!(host.terminate().await.success());
}

/// What fails under a tight limit of the system says something else: the hint is in its words, and in the log
/// before it.
#[test]
fn tight_limits_of_the_system_are_hinted_at() {
    let folder = folder("ulimits");
    let database = format!("sqlite:{}", folder.join("weir.db").display());
    for (limit, database, hint) in [
        ("-n 64", "postgres://127.0.0.1:1/x", "raise `ulimit -n`"),
        ("-v 4000000", database.as_str(), "set `ulimit -v` to unlimited"),
    ] {
        let script = format!("ulimit {limit}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_weir"), "serve", "--listen", "127.0.0.1:0"]);
        command.env_clear().env("WEIR_DATABASE", database).env("WEIR_ROOT_KEY", ROOT_KEY).env("WEIR_LOG", "warn");
        let output = command.output().expect("there is a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert_eq!(said.matches(hint).count(), 2, "{limit}: {said}");
    }
}
