//! What this process takes of its machine: memory, and disk by the parts of the data folder.

use std::fs;
use std::path::Path;

use hark_dashboard::DataPart;

/// Memory in use, in bytes; `None` where there is no `/proc`.
pub(crate) fn memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// The largest part first. What is removed meanwhile counts for nothing.
pub(crate) fn data_parts(folder: &Path) -> Vec<DataPart> {
    let mut parts: Vec<DataPart> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = part(&entry.file_name().to_string_lossy());
        let bytes = bytes_below(&entry.path());
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.bytes += bytes,
            None => parts.push(DataPart { name, bytes }),
        }
    }
    parts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(b.name)));
    parts
}

fn part(file: &str) -> &'static str {
    match file {
        "log" => "log",
        "history" => "history",
        "models" => "models",
        _ if file.starts_with("snapshot") => "snapshot",
        _ if file.starts_with("hark.db") => "database",
        _ => "rest",
    }
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes_below(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_told_by_its_parts() {
        let temporary = tempfile::tempdir().unwrap();
        let write = |file: &str, bytes: usize| {
            let path = temporary.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; bytes]).unwrap();
        };
        write("history/events/day=1/a.parquet", 700);
        write("history/cells_minute/b.parquet", 50);
        write("hark.db", 60);
        write("hark.db-wal", 9);
        write("format", 2);
        let parts = data_parts(temporary.path());
        let told: Vec<_> = parts.iter().map(|part| (part.name, part.bytes)).collect();
        assert_eq!(told, [("history", 750), ("database", 69), ("rest", 2)]);
        assert_eq!(data_parts(&temporary.path().join("nowhere")), []);
    }

    #[test]
    fn a_running_program_takes_some_memory() {
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1_000_000));
    }
}
