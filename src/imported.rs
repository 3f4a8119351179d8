//! Models that were made elsewhere: looked at, kept under a name, version by version, and found by it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use hark_detectors::list::ALL;
use hark_model::{Gives, ImportedModel, Timestamp, nearest};
use hark_networks::{Checked, Library, check, onnx};
use hark_store::{ImportedRemoval, Store};
use serde::Serialize;

use crate::config::Config;
use crate::model_files::{ModelFiles, checksum};
use crate::place::Where;
use crate::{data_folder, registry_command, store};

/// A name is typed on command lines and stands in columns.
const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Args)]
pub struct Request {
    /// ONNX: one input of 32-bit floats, [batch, rows, columns] or [batch, columns]
    model: PathBuf,
    /// What it is kept as; the file's name without its ending where it is left out
    #[arg(long)]
    name: Option<String>,
    /// Look at it, and keep nothing
    #[arg(long, conflicts_with_all = ["name", "by"])]
    dry_run: bool,
    /// Who imports it; the user of this machine where nobody is named
    #[arg(long)]
    by: Option<String>,
    /// ONNX Runtime's library (libonnxruntime.so); without it the model is run by tract, which is built in
    #[arg(long, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    library: Option<PathBuf>,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// What a model turned out to be.
#[derive(Debug, Serialize)]
struct Told {
    model: String,
    producer: String,
    opset: i64,
    operators: usize,
    weights: usize,
    /// Rows of a window.
    time: usize,
    columns: usize,
    gives: &'static str,
    served_by: &'static str,
    /// Of the smoke input's windows.
    smoke_scores: Vec<f32>,
    checksum: String,
    /// As what it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Kept>,
}

#[derive(Debug, Serialize)]
struct Kept {
    name: String,
    version: u32,
}

/// Looks at a model and says what it is, or why it can't be served; then keeps it.
pub async fn import(request: Request) -> Result<()> {
    let Request { model, name, dry_run, by, library, json, place } = request;
    let given = Given::read(&model)?;
    let refused = || format!("{} is not imported", given.shown);
    let name = if dry_run { None } else { Some(name.map_or_else(|| stem(&model), Ok).and_then(named)) };
    let name = name.transpose().with_context(refused)?;
    let library = library.as_deref().map(Library::load).transpose().with_context(refused)?;
    let checked = check(&given.bytes, library.as_ref()).with_context(refused)?;
    let kept = match name {
        None => None,
        Some(name) => {
            let by = by.map_or_else(registry_command::user, Ok)?;
            let version = version(&given.bytes, &checked, name, by);
            Some(keep(&place.load()?, &version, &given.bytes).await.with_context(refused)?)
        }
    };
    let told = told(&given, checked, kept);
    if json {
        println!("{}", serde_json::to_string_pretty(&told).context("the answer cannot be written as JSON")?);
    } else {
        println!("{}", sentences(&told));
    }
    Ok(())
}

fn told(given: &Given, checked: Checked, kept: Option<Kept>) -> Told {
    let (served, signature) = (&checked.served, checked.served.signature());
    Told {
        model: given.shown.clone(),
        producer: signature.producer.clone(),
        opset: signature.opset,
        operators: signature.operators,
        weights: signature.weights,
        time: served.time(),
        columns: served.columns(),
        gives: gives(&checked).name(),
        served_by: served.engine(),
        smoke_scores: checked.smoke.scores,
        checksum: checksum(&given.bytes),
        kept,
    }
}

fn sentences(told: &Told) -> String {
    let Told { model, producer, opset, operators, weights, time, columns, gives, served_by, .. } = told;
    let mut lines = vec![
        format!("{model} can be served by {served_by}: of windows of {time} x {columns} it gives a {gives}"),
        format!("made by {producer}, opset {opset}: {operators} operators, {weights} weights"),
        format!("scores of the smoke input: {:?}", told.smoke_scores),
    ];
    if let Some(Kept { name, version }) = &told.kept {
        lines.push(format!("kept as {name}, version {version}, {}", told.checksum));
    }
    lines.join("\n")
}

fn gives(checked: &Checked) -> Gives {
    if checked.served.gives_reconstruction() { Gives::Reconstruction } else { Gives::Score }
}

fn version(bytes: &[u8], checked: &Checked, name: String, by: String) -> ImportedModel {
    let (served, signature) = (&checked.served, checked.served.signature());
    let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ImportedModel {
        name,
        number: 0,
        imported_at: Timestamp::now(),
        by,
        checksum: checksum(bytes),
        bytes: bytes.len() as u64,
        producer: signature.producer.clone(),
        opset: signature.opset,
        operators: signature.operators as u64,
        weights: signature.weights as u64,
        time: of(served.time()),
        columns: of(served.columns()),
        gives: gives(checked),
    }
}

/// The file first, so that no version is listed without one. A hark may be running beside it.
async fn keep(config: &Config, version: &ImportedModel, bytes: &[u8]) -> Result<Kept> {
    let shown = config.data.display();
    fs::create_dir_all(&config.data)
        .with_context(|| format!("the data folder {shown} cannot be made; name another with --data"))?;
    data_folder::check_format(&config.data)?;
    let files = ModelFiles::open(data_folder::models(&config.data))?;
    files.keep(&version.checksum, bytes).with_context(|| format!("its file cannot be written to {shown}"))?;
    let store = store::open(config.database.as_deref(), &data_folder::database(&config.data)).await?;
    let number = store.add_imported_model(version).await;
    store.close().await;
    Ok(Kept { name: version.name.clone(), version: number? })
}

#[derive(Debug, Args)]
pub struct Removal {
    /// What it is kept as: all its versions go, or one alone by NAME@NUMBER
    model: String,
    /// Who removes it; the user of this machine where nobody is named
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    place: Where,
}

/// Forgets a model, or a version of it, and removes the files that nothing else needs. Its numbers stay taken.
pub async fn remove(Removal { model, by, place }: Removal) -> Result<()> {
    let config = place.load()?;
    let by = by.map_or_else(registry_command::user, Ok)?;
    let of = name_and_number(&model);
    let (name, number) = of.with_context(|| format!("`{model}` is no model; give its name, or NAME@NUMBER"))?;
    let all = all(&config).await?;
    if !all.iter().any(|one| one.name == name && number.is_none_or(|number| one.number == number)) {
        return Err(unknown(&all, name, number, &config));
    }
    let store = store::open(config.database.as_deref(), &data_folder::database(&config.data)).await?;
    let gone = store.remove_imported_models(ImportedRemoval { name, number, who: &by, at: Timestamp::now() }).await;
    let done = match gone {
        Ok(gone) => forget_files(&*store, gone, &config).await,
        Err(refused) => Err(refused.into()),
    };
    store.close().await;
    done
}

/// Removes the files of what is gone, but for those that something else needs.
async fn forget_files(store: &dyn Store, gone: Vec<ImportedModel>, config: &Config) -> Result<()> {
    let files = ModelFiles::open(data_folder::models(&config.data))?;
    // Of what was trained here the file may be gone long before its version is: those that are listed are all that have one.
    let trained = store.models().await?;
    for ImportedModel { name, number, checksum, .. } in &gone {
        let is_needed =
            trained.iter().any(|version| version.checksum == *checksum) || store.is_imported(checksum).await?;
        if !is_needed {
            files.remove(checksum).with_context(|| {
                format!("{name}@{number} is removed, but its file {checksum} in `models` is not; delete that by hand")
            })?;
        }
        println!("{name}@{number} is removed");
    }
    Ok(())
}

fn stem(model: &Path) -> Result<String> {
    let stem = model.file_stem().and_then(|stem| stem.to_str());
    stem.map(str::to_owned).with_context(|| "its file has no name that can be read; give one with --name".to_owned())
}

fn named(name: String) -> Result<String> {
    ensure!(
        is_name(&name),
        "`{}` is no name for a model; give one of letters, digits, `-`, `_` and `.` with --name, {NAME_BYTES_MAX} at most",
        name.escape_debug()
    );
    ensure!(
        ALL.iter().all(|entry| entry.name != name),
        "`{name}` is the name of a detector; give the model another with --name"
    );
    Ok(name)
}

fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_plain)
}

/// A model that was named on the command line.
#[derive(Debug)]
pub(crate) struct Given {
    /// What it is called in messages.
    pub(crate) shown: String,
    pub(crate) bytes: Vec<u8>,
}

impl Given {
    pub(crate) fn read(model: &Path) -> Result<Self> {
        let shown = model.display().to_string();
        let bytes = bytes(model).with_context(|| format!("{shown} cannot be read; give the path of an ONNX file"))?;
        Ok(Self { shown, bytes })
    }
}

/// One byte more than is taken, at most: a larger file is refused by its size.
fn bytes(model: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(model)?.take(onnx::BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file of this path where there is one; else the model that was imported under this name: its newest version, or
/// that of `name@number`.
pub(crate) fn find(model: &Path, place: &Where) -> Result<Given> {
    let text = model.to_str().unwrap_or_default();
    let named = name_and_number(text).filter(|(name, _)| is_name(name) && !model.exists());
    let Some((name, number)) = named else { return Given::read(model) };
    let config = place.clone().load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let all = runtime.block_on(all(&config))?;
    let of_name = || all.iter().filter(|model| model.name == name);
    // The newest stands first.
    let found = of_name().find(|model| number.is_none_or(|number| model.number == number));
    let found = found.ok_or_else(|| unknown(&all, name, number, &config))?;
    Ok(Given { shown: format!("{name}@{}", found.number), bytes: bytes_of(&config, found)? })
}

/// Of `name@3`, or of the name alone.
fn name_and_number(text: &str) -> Option<(&str, Option<u32>)> {
    let Some((name, number)) = text.rsplit_once('@') else { return Some((text, None)) };
    Some((name, Some(number.parse().ok()?)))
}

fn unknown(all: &[ImportedModel], name: &str, number: Option<u32>, config: &Config) -> anyhow::Error {
    let folder = config.data.display();
    // The newest stands first.
    match (number, all.iter().find(|model| model.name == name)) {
        (Some(number), Some(newest)) => {
            anyhow!("there is no version {number} of the model `{name}` in {folder}; the newest is {}", newest.number)
        }
        _ => match nearest(name, all.iter().map(|model| model.name.as_str())) {
            Some(meant) => anyhow!("there is no model `{name}` in {folder}, and no such file; did you mean `{meant}`?"),
            None => anyhow!(
                "there is no model `{name}` in {folder}, and no such file; `hark models import FILE --name {name}` keeps one"
            ),
        },
    }
}

/// Every version of every model that was imported, in the order of their names, the newest first; none where there is no
/// store yet.
pub(crate) async fn all(config: &Config) -> Result<Vec<ImportedModel>> {
    let file = data_folder::database(&config.data);
    if config.database.is_none() && !file.exists() {
        return Ok(Vec::new());
    }
    let store = store::open_to_read(config.database.as_deref(), &file).await?;
    let all = store.imported_models().await;
    store.close().await;
    Ok(all?)
}

/// What its file holds, if that is what it held when it was imported.
pub(crate) fn bytes_of(config: &Config, model: &ImportedModel) -> Result<Vec<u8>> {
    let ImportedModel { name, number, .. } = model;
    let path = data_folder::models(&config.data).join(&model.checksum);
    let shown = path.display();
    match bytes(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{shown} is missing: it held version {number} of the model {name}; import that once more")
        }
        held => {
            let held = held.with_context(|| format!("{shown} cannot be read"))?;
            ensure!(
                checksum(&held) == model.checksum,
                "{shown} is damaged: version {number} of the model {name} does not have its checksum; import it once more"
            );
            Ok(held)
        }
    }
}
