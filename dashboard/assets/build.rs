//! Puts the built pages of `../ui/dist` into a table in `OUT_DIR`: compressed, hashed, ready to be served. Where they
//! were not built, the table holds one page that says how to. Never runs npm, never writes outside `OUT_DIR`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

use xxhash_rust::xxh3::xxh3_64;

/// Set to `require`, as CI does, it turns missing pages into an error; in a release build they are one unless it is `without`.
const SWITCH: &str = "HARK_UI";
/// What each page needs first; written by the bundler, read here, and no page itself.
const EARLY: &str = "early.tsv";
const HOW_TO_BUILD: &str = "the pages are not built; run `cargo xtask ui` first";
/// Only text shrinks; pictures and fonts are compressed already.
const TEXT: [&str; 6] = ["html", "js", "css", "svg", "json", "txt"];

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let ui = crate_dir.join("../ui");
    let dist = ui.join("dist");
    println!("cargo:rerun-if-env-changed={SWITCH}");

    let is_built = dist.join("index.html").is_file();
    // A path that does not exist would make every build run this anew and compile all that depends on it; so where there
    // is no `dist` its parent is watched, in which it would appear.
    println!("cargo:rerun-if-changed={}", if is_built { &dist } else { &ui }.display());
    println!("cargo:rerun-if-changed={}", crate_dir.join("missing.html").display());

    if is_built {
        let early = fs::read_to_string(dist.join(EARLY))?;
        let files: Vec<_> = files_below(&dist)?.into_iter().filter(|file| !file.ends_with(EARLY)).collect();
        return write_table(&dist, &files, &early, &out_dir, true);
    }
    let switch = env::var(SWITCH).unwrap_or_default();
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if switch == "require" || (is_release && switch != "without") {
        return Err(format!("{HOW_TO_BUILD}; a release may go without them if {SWITCH}=without says so").into());
    }
    println!("cargo:warning={HOW_TO_BUILD}; until then hark serves a page that says so");
    let page = out_dir.join("missing");
    fs::create_dir_all(&page)?;
    fs::copy(crate_dir.join("missing.html"), page.join("index.html"))?;
    write_table(&page, &[page.join("index.html")], "", &out_dir, false)
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    // The order of a folder is up to the file system; the table is searched by path.
    files.sort();
    Ok(files)
}

fn write_table(
    root: &Path,
    files: &[PathBuf],
    early: &str,
    out_dir: &Path,
    is_built: bool,
) -> Result<(), Box<dyn Error>> {
    let mut table = format!("pub(crate) const IS_BUILT: bool = {is_built};\npub(crate) static FILES: &[File] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let path = file.strip_prefix(root)?.to_str().ok_or("a file name of the pages is not UTF-8")?.replace('\\', "/");
        let content = fs::read(file)?;
        let hash = xxh3_64(&content);
        let plain = format!("{number}.plain");
        fs::write(out_dir.join(&plain), &content)?;
        let brotli = match compressed(file, &content)? {
            Some(small) => {
                let name = format!("{number}.br");
                fs::write(out_dir.join(&name), small)?;
                format!("Some({})", include(&name))
            }
            None => "None".to_owned(),
        };
        let plain = include(&plain);
        writeln!(table, "    File {{ path: {path:?}, tag: \"{hash:016x}\", plain: {plain}, brotli: {brotli} }},")?;
    }
    table.push_str("];\npub(crate) static EARLY: &[Early] = &[\n");
    for line in early.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [path, always, bare] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("a line of {EARLY} has not three parts: {line}").into());
        };
        writeln!(table, "    Early {{ path: {path:?}, always: {always:?}, bare: {bare:?} }},")?;
    }
    table.push_str("];\n");
    fs::write(out_dir.join("table.rs"), table)?;
    Ok(())
}

fn include(name: &str) -> String {
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))")
}

/// `None` where it would not be smaller.
fn compressed(file: &Path, content: &[u8]) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !TEXT.contains(&extension) {
        return Ok(None);
    }
    // The last levels take seconds in an unoptimised build script, and save a few percent.
    let quality = if env::var("PROFILE")? == "release" { 11 } else { 5 };
    let parameters = brotli::enc::BrotliEncoderParams { quality, ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut small, &parameters)?;
    Ok((small.len() < content.len()).then_some(small))
}
