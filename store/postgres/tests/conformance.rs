//! The cases that every store has to pass, on a PostgreSQL that is started for them, and what is PostgreSQL's own.
//!
//! One test, since each test is a process of its own under nextest and would start a server of its own. It runs
//! every case by name, each in a database of its own, and fails with the list of those that failed.

mod server;

use std::future::Future;

use hark_store::conformance::{self, CaseResult};
use hark_store::{Store, StoreError};
use hark_store_postgres::PostgresStore;
use server::Server;

macro_rules! run_each {
    ($($case:ident),* $(,)?) => {
        async fn run_each(server: &Server, failed: &mut Vec<&'static str>) {
            $(
                let url = server.create_database(stringify!($case)).await;
                let case = async move {
                    let store = PostgresStore::connect(&url).await?;
                    conformance::$case(&store).await?;
                    store.close().await;
                    Ok(())
                };
                report(stringify!($case), case, failed).await;
            )*
        }
    };
}

hark_store::conformance_cases!(run_each);

/// Runs a case on a task of its own, so that one that panics does not end the others.
async fn report(
    name: &'static str,
    case: impl Future<Output = CaseResult> + Send + 'static,
    failed: &mut Vec<&'static str>,
) {
    match tokio::spawn(case).await {
        Ok(Ok(())) => println!("passed: {name}"),
        Ok(Err(error)) => {
            println!("FAILED: {name}: {error} ({error:?})");
            failed.push(name);
        }
        Err(panic) => {
            println!("FAILED: {name}: {panic}");
            failed.push(name);
        }
    }
}

#[tokio::test]
async fn conformance_on_a_server_of_its_own() {
    let mut server = match Server::start().await {
        Ok(server) => server,
        Err(reason) => {
            println!("skipped: {reason}, PostgreSQL conformance not run");
            return;
        }
    };
    let mut failed = Vec::new();
    run_each(&server, &mut failed).await;
    let url = server.create_database("reopening").await;
    report("reopening_keeps_everything", reopening_keeps_everything(url), &mut failed).await;
    let url = server.create_database("at_once").await;
    report("many_may_connect_to_a_new_database_at_once", many_connect(url), &mut failed).await;
    let url = server.url("nosuch");
    report("a_missing_database_is_named", a_missing_database_is_named(url), &mut failed).await;
    newer_database(&server, &mut failed).await;

    let url = server.create_database("stopped").await;
    let store = PostgresStore::connect(&url).await.expect("connects");
    server.stop();
    report("a_stopped_server_is_named", a_stopped_server_is_named(store, url), &mut failed).await;
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_the_password() {
    // Port 1 is reserved and nothing listens on it.
    let error = PostgresStore::connect("postgres://hark:sesame@127.0.0.1:1/hark").await.expect_err("nobody there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1;"), "{error}");
    assert_silent(&error);
}

async fn reopening_keeps_everything(url: String) -> CaseResult {
    let store = PostgresStore::connect(&url).await?;
    conformance::leave_something(&store).await?;
    store.close().await;
    conformance::something_is_left(&PostgresStore::connect(&url).await?).await
}

async fn many_connect(url: String) -> CaseResult {
    let tasks: Vec<_> = (0..4).map(|_| url.clone()).map(|url| tokio::spawn(connect_and_ping(url))).collect();
    for task in tasks {
        task.await.expect("no panic")?;
    }
    Ok(())
}

async fn connect_and_ping(url: String) -> CaseResult {
    PostgresStore::connect(&url).await?.ping().await
}

async fn a_missing_database_is_named(url: String) -> CaseResult {
    let error = PostgresStore::connect(&url).await.expect_err("no such database");
    assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains("`nosuch` on "), "{error:?}");
    assert_silent(&error);
    Ok(())
}

async fn newer_database(server: &Server, failed: &mut Vec<&'static str>) {
    let url = server.create_database("newer").await;
    let case = async move {
        PostgresStore::connect(&url).await?.close().await;
        Ok(())
    };
    report("a_new_database_gets_its_tables", case, failed).await;
    let later = "INSERT INTO _sqlx_migrations VALUES (9000, 'later', now(), TRUE, 'x', 0)";
    server.execute("newer", later).await.expect("a later migration");
    let url = server.url("newer");
    let case = async move {
        let error = PostgresStore::connect(&url).await.expect_err("newer");
        let sentence = error.to_string();
        let begin = "the database is of a newer hark (schema 9000, this binary knows ";
        assert!(sentence.starts_with(begin) && sentence.ends_with("); update hark or open another"), "{sentence}");
        Ok(())
    };
    report("a_newer_database_is_left_alone_with_one_clear_sentence", case, failed).await;
}

async fn a_stopped_server_is_named(store: PostgresStore, url: String) -> CaseResult {
    let errors = [
        store.ping().await.expect_err("stopped"),
        store.save_changes(&[]).await.expect_err("stopped"),
        PostgresStore::connect(&url).await.expect_err("stopped"),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        assert_silent(&error);
    }
    Ok(())
}

/// Nothing of an error, its causes included, shows the password.
fn assert_silent(error: &StoreError) {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text += &next.to_string();
        cause = next.source();
    }
    assert!(!text.contains("sesame"), "{text}");
}
