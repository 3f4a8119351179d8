//! A throw-away PostgreSQL: made in a temporary folder, reached through a socket there, gone when dropped.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

/// A new server is up within a second; a busy machine may need more.
const START_ATTEMPTS: u32 = 600;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) struct Server {
    bin: PathBuf,
    folder: TempDir,
    /// Whom to run as, where we are root: PostgreSQL refuses to run as root.
    user: Option<User>,
    process: Child,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Server {
    /// Starts one, or says why there can be none here.
    pub(crate) async fn start() -> Result<Self, String> {
        let bin = find_bin().ok_or("no initdb found")?;
        let folder = TempDir::with_prefix("hark-pg-").expect("a folder for the server");
        let is_root = fs::metadata(folder.path()).expect("the folder is there").uid() == 0;
        let user =
            if is_root { Some(unprivileged_user().ok_or("running as root and no user to run it as")?) } else { None };
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).expect("the folder becomes the server's");
        }
        init(&bin, folder.path(), user);
        let process = spawn(&bin, folder.path(), user);
        let mut server = Self { bin, folder, user, process };
        server.wait_until_up().await;
        Ok(server)
    }

    /// The address of a database on it; the password is not needed and must never be seen.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://hark:sesame@localhost/{database}?host={}", self.folder.path().display())
    }

    /// Makes an empty database. Its language sorts a before B, where the server knows languages.
    pub(crate) async fn create_database(&self, name: &str) -> String {
        let plain = format!("CREATE DATABASE {name}");
        let english = format!("{plain} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
        if self.execute("postgres", &english).await.is_err() {
            self.execute("postgres", &plain).await.expect("a new database");
        }
        self.url(name)
    }

    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        let options: PgConnectOptions = self.url(database).parse()?;
        let mut connection = options.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        connection.close().await
    }

    /// Stops it at once, as a crash would.
    pub(crate) fn stop(&mut self) {
        let data = self.folder.path().join("data");
        let mut pg_ctl = as_user(&self.bin.join("pg_ctl"), self.user);
        pg_ctl.args(["stop", "--silent", "--wait", "--mode=immediate", "--pgdata"]).arg(data);
        let stopped = quiet(&mut pg_ctl).status().is_ok_and(|status| status.success());
        if !stopped {
            // Already gone, or beyond asking. Nothing more can be done from here than this.
            self.process.kill().ok();
        }
        self.process.wait().ok();
    }

    async fn wait_until_up(&mut self) {
        for _ in 0..START_ATTEMPTS {
            if self.execute("postgres", "SELECT 1").await.is_ok() {
                return;
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("PostgreSQL ended with {status}: {}", self.log());
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
        }
        panic!("PostgreSQL did not start: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn init(bin: &Path, folder: &Path, user: Option<User>) {
    let mut initdb = as_user(&bin.join("initdb"), user);
    initdb.args(["--username=hark", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
    let done = initdb.arg(folder.join("data")).current_dir(folder).output().expect("initdb runs");
    assert!(done.status.success(), "initdb failed: {}", String::from_utf8_lossy(&done.stderr));
}

fn spawn(bin: &Path, folder: &Path, user: Option<User>) -> Child {
    let log = File::create(folder.join("log")).expect("a log file");
    let mut postgres = as_user(&bin.join("postgres"), user);
    postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).arg("-h").arg("");
    // Nothing here has to survive a power cut.
    for setting in ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"] {
        postgres.args(["-c", setting]);
    }
    quiet(&mut postgres).stderr(log).current_dir(folder).spawn().expect("PostgreSQL runs")
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// The program as that user. With setpriv it also gets SIGQUIT, immediate shutdown, when the test that started it dies
/// without dropping it; then the command's process id stays the program's own.
fn as_user(program: &Path, user: Option<User>) -> Command {
    if !on_path("setpriv") {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=QUIT");
    if let Some(User { uid, gid }) = user {
        command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    }
    command.arg(program);
    command
}

/// `postgres`, which comes with its packages, or else `nobody`.
fn unprivileged_user() -> Option<User> {
    if !on_path("setpriv") {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some(User { uid: fields.next()?.ok()?, gid: fields.next()?.ok()? })
    };
    find("postgres").or_else(|| find("nobody"))
}

/// The folder of PostgreSQL's programs: that of `initdb` on the path, or the newest of Debian's.
fn find_bin() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("initdb")).find(|file| file.is_file());
    if let Some(initdb) = on_path {
        // A link on the path leads to the folder where the server lies too.
        return fs::canonicalize(initdb).ok()?.parent().map(Path::to_owned);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").is_file()).max()
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
