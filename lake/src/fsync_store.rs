//! Files that are on the disk, folder entries included, before a write returns.
//!
//! `LocalFileSystem` of object_store 0.13 never syncs. Here a file is written under another name, synced, moved into
//! place, and then its folder is synced: a name that can be seen after a power cut has all its bytes behind it. Since
//! Delta writes its log entry after the Parquet files that the entry names, the order on the disk is the right one too.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// Brings a file or a folder onto the disk. Tests put their own in its place, to see the order and to let one fail.
pub type SyncPath = Arc<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// fsync through a descriptor of its own: it covers all of the file's pages, whoever wrote them.
pub(crate) fn sync_path(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What a failed sync left behind; from then on the store refuses every write.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path} could not be synced: {problem}")]
pub(crate) struct SyncFailure {
    pub(crate) path: String,
    pub(crate) problem: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
struct FileFailure {
    path: String,
    source: io::Error,
}

/// Numbers the half-written files of this process, whichever store they are of.
static STAGED: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub(crate) struct FsyncStore(Arc<Inner>);

struct Inner {
    files: LocalFileSystem,
    root: PathBuf,
    staging: PathBuf,
    sync: SyncPath,
    failed: OnceLock<SyncFailure>,
    /// Folders whose own entry is known to be on the disk.
    folders: Mutex<HashSet<PathBuf>>,
}

impl FsyncStore {
    /// Names are absolute; everything that is written lies under `root`.
    pub(crate) fn new(root: &Path, sync: SyncPath) -> Self {
        Self(Arc::new(Inner {
            files: LocalFileSystem::new(),
            root: root.to_owned(),
            staging: root.join(".staging"),
            sync,
            failed: OnceLock::new(),
            folders: Mutex::default(),
        }))
    }

    /// Makes the root folder, and those above it, if it is not there.
    pub(crate) fn make_root(&self) -> io::Result<()> {
        if self.0.root.is_dir() {
            return Ok(());
        }
        self.0.ensure_folder(&self.0.root).map_err(io::Error::other)
    }

    pub(crate) fn failure(&self) -> Option<&SyncFailure> {
        self.0.failed.get()
    }

    /// Half-written files of a process that was killed.
    pub(crate) fn staging(&self) -> &Path {
        &self.0.staging
    }

    async fn blocking<T: Send + 'static>(&self, run: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || run(&inner)).await?
    }
}

impl Inner {
    fn write(&self, path: &Path, payload: &PutPayload, mode: &PutMode) -> Result<()> {
        if let Some(failure) = self.failed.get() {
            return Err(generic(failure.clone()));
        }
        self.ensure_folder(&self.staging)?;
        let folder = path.parent().unwrap_or(&self.root);
        self.ensure_folder(folder)?;
        let number = STAGED.fetch_add(1, Ordering::Relaxed);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let staged = self.staging.join(format!("{name}.{}.{number}", std::process::id()));
        let moved = self.stage(&staged, payload).and_then(|()| move_into_place(&staged, path, mode));
        if moved.is_err() || *mode == PutMode::Create {
            // A leftover costs space and nothing else; it goes when the history is next opened.
            let _ = fs::remove_file(&staged);
        }
        moved?;
        self.sync(folder)
    }

    fn stage(&self, staged: &Path, payload: &PutPayload) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut file = File::create(staged)?;
            payload.iter().try_for_each(|part| file.write_all(part))
        };
        write().map_err(|source| failure(staged, source))?;
        self.sync(staged)
    }

    fn sync(&self, path: &Path) -> Result<()> {
        (self.sync)(path).map_err(|source| {
            let failure = SyncFailure { path: path.display().to_string(), problem: source.to_string() };
            generic(self.failed.get_or_init(|| failure).clone())
        })
    }

    /// Makes the folder and brings its entry onto the disk. One that is there already is synced once by each process:
    /// the process that made it may have been killed before it got to that.
    fn ensure_folder(&self, folder: &Path) -> Result<()> {
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        self.ensure_folder_in(&mut known, folder)
    }

    fn ensure_folder_in(&self, known: &mut HashSet<PathBuf>, folder: &Path) -> Result<()> {
        let Some(parent) = folder.parent().filter(|_| !known.contains(folder)) else { return Ok(()) };
        if parent.starts_with(&self.root) || !parent.is_dir() {
            self.ensure_folder_in(known, parent)?;
        }
        match fs::create_dir(folder) {
            // Another process may make the same day's folder at the same time.
            Err(source) if !folder.is_dir() => return Err(failure(folder, source)),
            Ok(()) | Err(_) => {}
        }
        self.sync(parent)?;
        known.insert(folder.to_owned());
        Ok(())
    }
}

fn move_into_place(staged: &Path, path: &Path, mode: &PutMode) -> Result<()> {
    let moved = match mode {
        PutMode::Create => fs::hard_link(staged, path),
        _ => fs::rename(staged, path),
    };
    moved.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::AlreadyExists { path: path.display().to_string(), source: source.into() }
        }
        _ => failure(path, source),
    })
}

fn failure(path: &Path, source: io::Error) -> Error {
    generic(FileFailure { path: path.display().to_string(), source })
}

fn generic(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: "history", source: Box::new(source) }
}

#[async_trait]
impl ObjectStore for FsyncStore {
    async fn put_opts(&self, location: &Location, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            let operation = "an update of a file in place".to_owned();
            return Err(Error::NotImplemented { operation, implementer: self.to_string() });
        }
        let path = self.0.files.path_to_filesystem(location)?;
        self.blocking(move |inner| inner.write(&path, &payload, &options.mode)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Location,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload { store: self.clone(), location: location.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Location, options: GetOptions) -> Result<GetResult> {
        self.0.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Location>>) -> BoxStream<'static, Result<Location>> {
        self.0.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.files.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Location>, offset: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Result<ListResult> {
        self.0.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Location, to: &Location, options: CopyOptions) -> Result<()> {
        self.0.files.copy_opts(from, to, options).await?;
        self.sync_moved(to).await
    }

    async fn rename_opts(&self, from: &Location, to: &Location, options: RenameOptions) -> Result<()> {
        self.0.files.rename_opts(from, to, options).await?;
        self.sync_moved(to).await
    }
}

impl FsyncStore {
    async fn sync_moved(&self, location: &Location) -> Result<()> {
        let path = self.0.files.path_to_filesystem(location)?;
        self.blocking(move |inner| {
            inner.sync(&path)?;
            inner.sync(path.parent().unwrap_or(&inner.root))
        })
        .await
    }
}

impl fmt::Display for FsyncStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FsyncStore({})", self.0.root.display())
    }
}

impl fmt::Debug for FsyncStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Parts are kept until all are there, and go to the disk as one file. Only Delta's checkpoints come this way, which
/// hold a line a file of the table.
#[derive(Debug)]
struct Upload {
    store: FsyncStore,
    location: Location,
    parts: Vec<Bytes>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.extend(data);
        futures_util::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let payload = PutPayload::from_iter(std::mem::take(&mut self.parts));
        self.store.put_opts(&self.location, payload, PutOptions::default()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    type Synced = Arc<Mutex<Vec<String>>>;

    fn recording(root: &Path) -> (Synced, FsyncStore) {
        let synced = Synced::default();
        let record = Arc::clone(&synced);
        let sync = move |path: &Path| {
            record.lock().unwrap().push(path.file_name().unwrap().to_string_lossy().into_owned());
            sync_path(path)
        };
        (synced, FsyncStore::new(root, Arc::new(sync)))
    }

    #[tokio::test]
    async fn parts_moves_and_copies_are_synced_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (synced, store) = recording(&root);
        let location = |name: &str| Location::from_absolute_path(root.join("log").join(name)).unwrap();
        let mut upload = store.put_multipart(&location("a")).await.unwrap();
        upload.put_part("one ".into()).await.unwrap();
        upload.put_part("two".into()).await.unwrap();
        assert!(!root.join("log").exists(), "nothing is to be seen before all parts are there");
        upload.complete().await.unwrap();
        assert_eq!(fs::read(root.join("log/a")).unwrap(), b"one two");
        synced.lock().unwrap().clear();
        store.rename(&location("a"), &location("b")).await.unwrap();
        store.copy(&location("b"), &location("c")).await.unwrap();
        assert_eq!(*synced.lock().unwrap(), ["b", "log", "c", "log"]);
        let again = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let error = store.put_opts(&location("c"), "other".into(), again).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }));
        assert_eq!(fs::read(root.join("log/c")).unwrap(), b"one two");
        assert_eq!(fs::read_dir(store.staging()).unwrap().count(), 0);
    }
}
