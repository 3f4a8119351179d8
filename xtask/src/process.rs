//! Other programs: where they run, and one sentence when they can't or when they fail.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// The root of the workspace, from where every path here is meant.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// Set once everything is to be built by the linter.
static LINTER: OnceLock<PathBuf> = OnceLock::new();

/// From now on cargo has our own crates compiled by clippy's driver, any warning an error. It is rustc with more to say,
/// so one build serves lint and tests, and the crates from outside are not gone through a second time.
pub(crate) fn lint_from_now_on() -> Result<()> {
    let sysroot =
        stdout_of(program(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).args(["--print", "sysroot"]))?;
    let driver = Path::new(sysroot.trim()).join("bin").join(format!("clippy-driver{}", env::consts::EXE_SUFFIX));
    if !driver.is_file() {
        bail!("clippy is not installed: run `rustup component add clippy`");
    }
    LINTER.get_or_init(|| driver);
    Ok(())
}

/// The very cargo that runs this xtask.
pub(crate) fn cargo() -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo xtask` tells its own package in the environment. Build scripts that watch these (ring's does) would run
    // again, and everything above them be built again, each time one goes from the shell to xtask or back.
    let of_xtask = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_xtask)) {
        command.env_remove(name);
    }
    if let Some(driver) = LINTER.get() {
        command.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    }
    command
}

/// Where cargo puts the hark of a profile: `debug` or `release`.
pub(crate) fn binary(profile: &str) -> Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target folder: update Rust")?;
    Ok(Path::new(target).join(profile).join(format!("hark{}", env::consts::EXE_SUFFIX)))
}

/// The workspace as cargo sees it, without the crates from outside.
pub(crate) fn metadata() -> Result<serde_json::Value> {
    let text = stdout_of(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).context("`cargo metadata` wrote no JSON: update Rust")
}

pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Runs to the end with its output shown as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status}): its output above says why", shown(command));
    }
    Ok(())
}

/// Runs to the end and gives what was written on stdout; stderr is shown as it comes.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String> {
    let Output { status, stdout, .. } =
        command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("`{}` failed ({status}): its output above says why", shown(command));
    }
    String::from_utf8(stdout).with_context(|| format!("`{}` did not write UTF-8", shown(command)))
}

/// Whether the program is there and runs, asked without showing anything.
pub(crate) fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Says that something was left out; under `CI=true` nothing may be left out, and it is an error.
pub(crate) fn skip(what: &str, remedy: &str) -> Result<()> {
    if env::var("CI").is_ok_and(|value| value == "true") {
        bail!("{what}, and under CI=true nothing is skipped: {remedy}");
    }
    println!("skipped: {what}");
    Ok(())
}

fn cannot_start(command: &Command) -> String {
    format!("`{}` could not be started: install it, or put it on the PATH", command.get_program().to_string_lossy())
}

/// The command as one would type it, the program without its folder.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        let mut command = Command::new("/opt/tools/cargo");
        command.args(["test", "--locked"]);
        assert_eq!(shown(&command), "cargo test --locked");
    }

    #[test]
    fn a_missing_program_says_what_to_do() {
        let error = run(&mut program("no-such-program-as-this")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`no-such-program-as-this` could not be started: install it, or put it on the PATH"
        );
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
