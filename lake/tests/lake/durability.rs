//! What is on the disk, in which order, and what happens when the disk refuses.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hark_lake::{Lake, LakeError, LakeOptions, Limits, SyncPath, Table};

use crate::batches::{ask_with, count, events};

type Synced = Arc<Mutex<Vec<PathBuf>>>;

fn recorded(fail: impl Fn(&Path) -> bool + Send + Sync + 'static) -> (Synced, LakeOptions) {
    let synced = Synced::default();
    let record = Arc::clone(&synced);
    let sync: SyncPath = Arc::new(move |path: &Path| {
        assert!(path.exists(), "{} is synced before it is there", path.display());
        record.lock().unwrap().push(path.to_owned());
        if fail(path) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    });
    (synced, LakeOptions { sync, ..LakeOptions::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_reaches_the_disk_after_the_files_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (synced, options) = recorded(|_| false);
    let lake = Lake::open_with(&root, options).await.unwrap();
    for offset in [1, 2] {
        synced.lock().unwrap().clear();
        lake.append(Table::Events, vec![events("2026-11-20", offset * 10, 10)], offset).await.unwrap();
        let order: Vec<String> = synced
            .lock()
            .unwrap()
            .iter()
            .map(|path| {
                path.strip_prefix(&root).map_or("(parent of the root)".to_owned(), |path| path.display().to_string())
            })
            .map(|path| if path.is_empty() { "(root)".to_owned() } else { path })
            // A file is synced under the name it has before it is moved into place.
            .map(|path| match path.strip_prefix(".staging/") {
                Some(staged) if staged.contains(".json") => "staged log entry".to_owned(),
                Some(staged) if staged.contains(".parquet") => "staged Parquet".to_owned(),
                _ => path,
            })
            .collect();
        let folders_once = ["(parent of the root)", "(root)"];
        let expected: Vec<&str> = match offset {
            1 => [
                &folders_once[..],
                &["(root)", "events", "staged Parquet", "events/day=2026-11-20"],
                &["events", "staged log entry", "events/_delta_log"],
            ]
            .concat(),
            _ => vec!["staged Parquet", "events/day=2026-11-20", "staged log entry", "events/_delta_log"],
        };
        assert_eq!(order, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_an_error_of_its_own_and_ends_all_writing() {
    for broken in [".parquet", ".json", "_delta_log"] {
        let folder = tempfile::tempdir().unwrap();
        let armed = Arc::new(Mutex::new(false));
        let is_armed = Arc::clone(&armed);
        let (synced, options) =
            recorded(move |path| *is_armed.lock().unwrap() && path.to_string_lossy().contains(broken));
        let lake = Lake::open_with(folder.path(), options).await.unwrap();
        lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
        *armed.lock().unwrap() = true;
        let error = lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await.unwrap_err();
        assert!(matches!(error, LakeError::Sync { .. }), "{broken}: {error}");
        *armed.lock().unwrap() = false;
        let before = synced.lock().unwrap().len();
        let again = lake.append(Table::MinuteCells, vec![events("2026-11-20", 20, 10)], 3).await;
        assert!(matches!(again, Err(LakeError::Sync { .. })), "a sync was tried again after {broken} failed");
        assert_eq!(synced.lock().unwrap().len(), before);
        // A restart finds all of the commit or nothing of it.
        let lake = Lake::open(folder.path()).await.unwrap();
        let committed = lake.committed(Table::Events).await.unwrap().unwrap();
        assert_eq!(count(&lake, Table::Events).await, committed * 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_entry_of_the_log_is_named() {
    for (left, said) in [(0.0, "it is empty"), (0.5, "EOF"), (0.97, "EOF")] {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
        lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await.unwrap();
        let entry = folder.path().join("events/_delta_log/00000000000000000001.json");
        let bytes = std::fs::read(&entry).unwrap();
        std::fs::write(&entry, &bytes[..(bytes.len() as f64 * left) as usize]).unwrap();
        let error = Lake::open(folder.path()).await.unwrap_err();
        assert!(matches!(error, LakeError::DamagedLog { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("00000000000000000001.json") && text.contains(said), "{text}");
        std::fs::remove_file(entry).unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        assert_eq!(lake.committed(Table::Events).await.unwrap(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let error = Lake::open(Path::new("/proc/hark-history")).await.unwrap_err();
    assert!(error.to_string().starts_with("the history folder `/proc/hark-history` cannot be used ("), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    // root may write anywhere, so permissions alone would not do here.
    std::fs::write(folder.path().join(".staging"), "in the way").unwrap();
    let error = lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap_err();
    assert!(matches!(&error, LakeError::Write { .. }), "{error}");
    assert!(error.to_string().contains("events/day=2026-11-20/part-"), "{error}");
    let empty = ask_with(&lake, "select * from events", Vec::new(), Limits::default()).await.unwrap_err();
    assert_eq!(empty.to_string(), "the query cannot be answered: `events` is empty so far, and has no columns yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_can_only_be_read_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    lake.append(Table::Events, vec![events("2026-11-20", 0, 10)], 1).await.unwrap();
    let permit = |mode| std::fs::set_permissions(folder.path().join(".staging"), std::fs::Permissions::from_mode(mode));
    permit(0o555).unwrap();
    let is_root = std::fs::write(folder.path().join(".staging/probe"), "").is_ok();
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(count(&lake, Table::Events).await, 10);
    let appended = lake.append(Table::Events, vec![events("2026-11-20", 10, 10)], 2).await;
    permit(0o755).unwrap();
    if !is_root {
        let error = appended.unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_half_written_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join(".staging");
    std::fs::create_dir(&staging).unwrap();
    std::fs::write(staging.join("part.1.0"), "half").unwrap();
    Lake::open(folder.path()).await.unwrap();
    assert!(staging.join("part.1.0").exists(), "it may still be in use");
    let keep_unreferenced = std::time::Duration::ZERO;
    std::thread::sleep(std::time::Duration::from_millis(20));
    Lake::open_with(folder.path(), LakeOptions { keep_unreferenced, ..LakeOptions::default() }).await.unwrap();
    assert!(!staging.join("part.1.0").exists());
}
