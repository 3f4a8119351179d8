//! The life of a model through the real program: trained, listed, kept over a crash, gone back from.

use std::fs;

use serde_json::Value;

use crate::support::{Server, failure, hark};

/// Bodies of so many lines.
const LINES: usize = 20_000;

fn standings<'a>(versions: &'a Value, metric: &str) -> Vec<(u64, &'a str)> {
    let of_metric = versions["versions"].as_array().unwrap().iter().filter(|one| one["metric"] == metric);
    of_metric.map(|one| (one["number"].as_u64().unwrap(), one["standing"].as_str().unwrap())).collect()
}

#[test]
fn a_model_is_trained_let_in_listed_and_gone_back_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let simulated =
        ["simulate", "--seed", "114", "--days", "11", "--rate", "20", "--incidents", "0", "--out", &path("")];
    assert!(hark(&simulated).status.success());
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let events = fs::read_to_string(path("events.ndjson")).unwrap();
    let lines: Vec<&str> = events.lines().collect();
    for body in lines.chunks(LINES) {
        server.post("/api/v1/events", &body.join("\n")).unwrap();
    }
    let models = settled(&server);
    let detectors = models["detectors"].as_array().unwrap();
    assert!(detectors.iter().any(|one| one["name"] == "seasonal_change" && one["judges"] == "metrics"), "{models}");
    let found = standings(&models, "response_time");
    assert!(found.iter().any(|(_, standing)| *standing == "active"), "{found:?}");
    assert!(found.iter().any(|(_, standing)| *standing == "replaced"), "{found:?}");
    let is_active = |one: &&Value| one["metric"] == "response_time" && one["standing"] == "active";
    let active = models["versions"].as_array().unwrap().iter().find(is_active).unwrap();
    assert!(active["measured"]["caught"].as_u64() > active["measured"]["false_alarms"].as_u64(), "{active}");

    // What each holds is on disk under its checksum.
    let data_path = data.to_str().unwrap();
    let listed = hark(&["models", "versions", "--data", data_path, "--metric", "response_time"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(text.lines().count(), found.len(), "{text}");
    let checksums: Vec<&str> =
        models["versions"].as_array().unwrap().iter().map(|one| one["checksum"].as_str().unwrap()).collect();
    let files: Vec<String> =
        fs::read_dir(data.join("models")).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!files.is_empty() && files.iter().all(|file| checksums.contains(&file.as_str())), "{files:?}");

    // A crash changes nothing.
    server.kill();
    let server = Server::start(&data);
    assert_eq!(settled(&server)["versions"], models["versions"]);

    let (active, replaced) = (number(&found, "active"), number(&found, "replaced"));
    let listen = server.url.trim_start_matches("http://").to_owned();
    let back = ["models", "rollback", "response_time", "--by", "ada", "--listen", &listen];
    let evaluated = hark(&["models", "evaluate", "--data", data_path, "--metric", "response_time"]);
    let text = String::from_utf8(evaluated.stdout).unwrap();
    assert!(text.lines().any(|line| line.contains("caught") && line.contains("the active one beside it")), "{text}");
    assert!(hark(&back).status.success());
    // The list follows behind the answer.
    let is_back =
        |found: &[(u64, &str)]| found.contains(&(replaced, "active")) && found.contains(&(active, "rolled_back"));
    let mut models = server.get("/api/v1/models");
    for _ in 0..100 {
        if is_back(&standings(&models, "response_time")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        models = server.get("/api/v1/models");
    }
    assert!(is_back(&standings(&models, "response_time")), "{models}");
    let (_, problem) = failure(&back);
    assert!(problem.contains("there is no version to go back to"), "{problem}");
    let (_, problem) = failure(&["models", "rollback", "nothing", "--by", "ada", "--listen", &listen]);
    assert!(problem.contains("there is no metric `nothing`"), "{problem}");
    let audit = server.get("/api/v1/audit?subject=response_time");
    assert!(audit.to_string().contains("roll back model"), "{audit}");

    // With what was gone back from went what was on trial: another one is trained by hand, and let on without its gate.
    let order = |what: &str| hark(&["models", what, "response_time", "--by", "ada", "--listen", &listen]);
    let refused = |what: &str| String::from_utf8(order(what).stderr).unwrap();
    assert!(refused("promote").contains("there is no version on trial"));
    assert!(order("train").status.success());
    assert!(refused("train").contains("is on trial already"));
    assert!(order("promote").status.success());
    let is_staged = |found: &[(u64, &str)]| found.iter().any(|one| one.1 == "staged");
    let mut models = server.get("/api/v1/models");
    for _ in 0..100 {
        if is_staged(&standings(&models, "response_time")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        models = server.get("/api/v1/models");
    }
    assert!(is_staged(&standings(&models, "response_time")), "{models}");
    assert_eq!(server.stop(), Some(0));

    // After a clean stop the one gone back to is still active, and a damaged file is named.
    let file = data.join("models").join(&files[0]);
    fs::write(&file, b"damaged").unwrap();
    let (_, problem) = failure(&["models", "versions", "--data", data_path]);
    assert!(problem.contains("is damaged"), "{problem}");
    let server = Server::start(&data);
    assert!(is_back(&standings(&server.get("/api/v1/models"), "response_time")));
}

/// The list follows behind the events: the status waits until they are folded, then the list is read until it stays.
fn settled(server: &Server) -> Value {
    server.get("/api/v1/status");
    let mut models = server.get("/api/v1/models");
    loop {
        std::thread::sleep(std::time::Duration::from_millis(700));
        let again = server.get("/api/v1/models");
        if again == models {
            return models;
        }
        models = again;
    }
}

/// The newest version that stands there.
fn number(found: &[(u64, &str)], standing: &str) -> u64 {
    found.iter().filter(|one| one.1 == standing).map(|one| one.0).max().unwrap()
}
