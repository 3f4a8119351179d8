//! The command line.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use hark::detection::Budget;
use hark::place::Where;
use hark::{
    alerts_command, bench, demo, detect_command, doctor, explain_command, explain_model, explain_row, forecast_command,
    hindsight, import, imported, models_command, peers_command, query_command, registry_command, replay,
    report_command, serve, simulate_command,
};
use hark_detectors::list::Build;
use hark_detectors::values::PERIOD_ROWS_MAX;
use hark_detectors::{Mutant, Settings};
use hark_explain::leaves_file::{Columns, Format};
use hark_model::ModelOrder;
use tracing_subscriber::EnvFilter;

/// Listens to the user-experience metrics of a voice assistant and says what got worse.
///
/// Without a command it is the demo: four weeks of simulated traffic with incidents in it, then live.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: DemoArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take events, detect, and serve the dashboard
    Serve(ServeArgs),
    /// Run a file of events through the pipeline: what would have been alerted, and when
    Replay(ReplayArgs),
    /// Judge a series of timestamps and values row by row: what is unlike all before, and what has moved for good
    Detect(DetectArgs),
    /// Say what a series of timestamps and values will be, with intervals: ARIMA or exponential smoothing
    Forecast(forecast_command::Request),
    /// Say which of several series that usually go together departs from the rest
    Peers(PeersArgs),
    /// Say why: which slices of a file carry the difference, or what made a model say what it says of a row
    Explain {
        #[command(subcommand)]
        what: Explain,
    },
    /// Take history from files: NDJSON, CSV, Parquet, Arrow; an import that was stopped goes on where it was
    Import(ImportArgs),
    /// Ask events and cells by SQL
    Query(QueryArgs),
    /// Write simulated traffic with incidents whose truth is known
    Simulate(SimulateArgs),
    /// List alerts, the newest first
    Alerts(AlertsArgs),
    /// The detectors there are, the versions of those that are trained, and models that were made elsewhere
    Models {
        #[command(subcommand)]
        what: Models,
    },
    /// What would have been told, had these changes been known in their time (a holiday that nobody had entered)
    Hindsight(HindsightArgs),
    /// Definitions of metrics: check a file, try it on stored events, save it, list what is in force
    Metrics {
        #[command(subcommand)]
        what: Metrics,
    },
    /// The week for leadership: scores, objectives, regressions, how good the alerts were
    Report(ReportArgs),
    /// Check that everything is in place
    Doctor(Where),
    /// Measure on simulated traffic, beside rules that are dumb on purpose
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// Print the description of the HTTP API
    #[command(hide = true)]
    Openapi,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Address of the dashboard
    #[arg(long, default_value = "127.0.0.1:8080", env = "HARK_LISTEN")]
    listen: String,
    /// Days of history
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=350))]
    days: u32,
    /// Mean events per minute
    #[arg(long, default_value_t = 60.0)]
    rate: f64,
    /// Incidents in the history and the live days after it
    #[arg(long, default_value_t = 14)]
    incidents: u32,
    /// The same seed gives the same traffic; at the end of these four weeks an incident is under way
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Simulated minutes that pass in a second once it is live
    #[arg(long, default_value_t = 5.0)]
    minutes_per_second: f64,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    place: Where,
    /// Break the detector on purpose, to see the self-test notice it
    #[arg(long, value_name = "NAME", hide = true)]
    mutant: Option<Mutant>,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// Events, one JSON object a line; .gz and .zst are unpacked
    events: PathBuf,
    /// Metric definitions over the built-in ones
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Deploys, configurations, holidays: one JSON object a line
    #[arg(long, value_name = "FILE")]
    changes: Option<PathBuf>,
    /// Where the alerts go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say how many findings each filter took out
    #[arg(long)]
    explain_funnel: bool,
    /// False alarms a week that all series together may raise
    #[arg(long, default_value_t = 1.0)]
    false_alarms_per_week: f64,
    /// Break the detector on purpose, to see the self-test notice it
    #[arg(long, value_name = "NAME", hide = true)]
    mutant: Option<Mutant>,
    /// Leave the self-test out, to see what it costs
    #[arg(long, hide = true)]
    no_self_test: bool,
}

#[derive(Debug, Args)]
struct DetectArgs {
    /// CSV with the columns timestamp and value; - for standard input
    series: PathBuf,
    /// Which detector; `hark models list` names them all
    #[arg(
        long,
        value_name = "NAME",
        default_value = "ensemble",
        value_parser = detect_command::detector,
        long_help = detect_command::detectors_help(),
    )]
    detector: Build,
    /// A model that was made elsewhere judges instead, of windows of one column: the name that `hark models import` kept
    /// it under (NAME, or NAME@2 for its second version), or an ONNX file
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "detector")]
    model: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
    /// ONNX Runtime's library for that model; without it tract runs it, which is built in
    #[arg(long, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    library: Option<PathBuf>,
    /// Rows until a season comes again; a day and a week of the timestamps are found without
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(2..=PERIOD_ROWS_MAX as i64))]
    period: Option<u32>,
    /// The chance of any false alarm within a thousand rows
    #[arg(long, default_value_t = 0.1, value_parser = detect_command::probability)]
    false_alarms: f64,
    /// Where a detector takes chances, the same seed gives the same answer
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the result goes, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Judge every row by what the whole series says, and not only by those before it
    #[arg(long)]
    batch: bool,
}

#[derive(Debug, Args)]
struct PeersArgs {
    /// CSV with the column timestamp and one for each of 4 to 1000 series; - for standard input
    series: PathBuf,
    /// Rows that are judged together
    #[arg(long, value_name = "ROWS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    window: u32,
    /// The chance of any false alarm within a thousand rows, of all series together
    #[arg(long, default_value_t = 0.1, value_parser = detect_command::probability)]
    false_alarms: f64,
    /// Only those that depart
    #[arg(long)]
    anomalies: bool,
}

#[derive(Debug, Subcommand)]
enum Explain {
    /// The slices that carry the difference between what was seen and what was expected, ranked; or that there are none
    Slices(SlicesArgs),
    /// Which values of a window, or which columns, made an ONNX model say what it says of a row
    Model(explain_model::Request),
    /// What made a detector say what it says of a row of a series, in parts that add up
    Row(explain_row::Request),
}

#[derive(Debug, Args)]
struct ModelOrderArgs {
    #[command(flatten)]
    place: Where,
    metric: String,
    /// Which of the metric's models: `isolation_forest` or `autoencoder`
    #[arg(long, default_value = hark::models::FOREST)]
    detector: String,
    /// Who orders it; the user of this machine where nobody is named
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Models {
    /// Every detector: its name, how it judges, and what it looks for; and the models that were imported
    List {
        #[command(flatten)]
        place: Where,
        #[arg(long)]
        json: bool,
    },
    /// Versions of the models that judge metrics: what they were trained on, what they can do, and where they stand; and
    /// of those that were imported
    Versions {
        #[command(flatten)]
        place: Where,
        /// Of this metric alone, or of the imported model of this name
        #[arg(long)]
        metric: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// What each version made of rows that it had not seen, with intervals
    Evaluate {
        #[command(flatten)]
        place: Where,
        /// Of this metric alone
        #[arg(long)]
        metric: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Train the next version now, in the running hark
    Train(ModelOrderArgs),
    /// Let what is on trial one step on without its gate, in the running hark: from shadow to staged, from staged to active
    Promote(ModelOrderArgs),
    /// Go back to the version before, in the running hark
    Rollback(ModelOrderArgs),
    /// Look at an ONNX model that was made elsewhere (in PyTorch, say): whether its shapes fit, and what it answers to a
    /// smoke input; and keep it under a name, for `hark detect --model` and `hark explain model`
    Import(imported::Request),
    /// Remove an imported model with its files: every version of it, or one
    Remove(imported::Removal),
}

#[derive(Debug, Args)]
struct SlicesArgs {
    /// CSV with one row per leaf; .gz and .zst are unpacked; - for standard input
    leaves: PathBuf,
    /// Column of what was seen
    #[arg(long, value_name = "COL")]
    actual: String,
    /// Column of what was expected
    #[arg(long, value_name = "COL")]
    expected: String,
    /// Columns to search, separated by commas; without it all others
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    dims: Option<Vec<String>>,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SimulateArgs {
    /// The same seed gives the same bytes
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    days: u32,
    /// Mean events per minute
    #[arg(long)]
    rate: f64,
    #[arg(long, default_value_t = 5)]
    incidents: u32,
    /// all, pairs (two causes at a time), or one family such as mix_shift
    #[arg(long, default_value = "all")]
    kinds: hark_simulate::Kinds,
    /// Folder for events.ndjson, changes.ndjson and truth.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct ImportArgs {
    #[command(flatten)]
    place: Where,
    /// .ndjson, .csv (.gz and .zst are unpacked), .parquet, .arrow; oldest first
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Raise the alerts that there would have been; otherwise detection only learns from the past
    #[arg(long)]
    alerts: bool,
}

#[derive(Debug, Args)]
struct QueryArgs {
    #[command(flatten)]
    place: Where,
    /// One SELECT over events, cells_minute and cells_hour
    sql: String,
    /// Rows at most
    #[arg(long, default_value_t = 10_000)]
    limit: usize,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Metrics {
    /// Check a file together with the built-in definitions
    Validate { file: PathBuf },
    /// What a file's metrics would have alerted, by the events that the running hark has stored
    Preview {
        #[command(flatten)]
        place: Where,
        file: PathBuf,
        /// Days of stored events
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(hark::preview::DAYS_MAX)))]
        days: Option<u32>,
        #[arg(long)]
        json: bool,
    },
    /// Save a file's metrics in the running hark
    Apply {
        #[command(flatten)]
        place: Where,
        file: PathBuf,
        /// Who saves them; $USER where it is left out
        #[arg(long)]
        by: Option<String>,
    },
    /// List what is in force
    List {
        #[command(flatten)]
        place: Where,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct HindsightArgs {
    #[command(flatten)]
    place: Where,
    /// One JSON object a line: time, kind, title, slice
    changes: PathBuf,
    /// Build the state anew with them and take back what would not have been told; hark must not be running
    #[arg(long)]
    apply: bool,
    /// Who does; the user of this machine where nobody is named
    #[arg(long, requires = "apply")]
    by: Option<String>,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ReportArgs {
    #[command(flatten)]
    place: Where,
    /// ISO week, such as 2026-W18; the one that the stream is in where it is left out
    #[arg(long)]
    week: Option<String>,
    #[arg(long, value_enum, default_value_t = ReportFormat::Json)]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReportFormat {
    Html,
    Json,
}

#[derive(Debug, Args)]
struct AlertsArgs {
    #[command(flatten)]
    place: Where,
    /// firing, acknowledged, resolved or silenced
    #[arg(long)]
    status: Option<String>,
    #[arg(long)]
    metric: Option<String>,
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // clap itself answers wrong usage with status 2.
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("HARK_LOG").unwrap_or_else(|_| EnvFilter::new("warn,hark=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hark: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool> {
    let Some(command) = cli.command else {
        return done(block_on(demo::demo(cli.demo.into())));
    };
    match command {
        Command::Serve(ServeArgs { place, mutant }) => done(block_on(serve::serve(place.load()?, mutant))),
        Command::Replay(args) => done(replay::replay(&args.try_into()?)),
        Command::Detect(args) => done(detect_command::detect(&args.into())),
        Command::Forecast(request) => done(forecast_command::ahead(&request)),
        Command::Peers(args) => done(peers_command::peers(&args.into())),
        Command::Explain { what: Explain::Slices(args) } => done(explain_command::slices(&args.into())),
        Command::Explain { what: Explain::Model(request) } => done(explain_model::explain(&request)),
        Command::Explain { what: Explain::Row(request) } => done(explain_row::explain(&request)),
        Command::Models { what } => done(models(what)),
        Command::Simulate(args) => {
            let SimulateArgs { seed, days, rate, incidents, kinds, out } = args;
            let start_ms = hark_simulate::Config::DEFAULT_START_MS;
            let config = hark_simulate::Config { seed, start_ms, days, rate, incidents, kinds };
            done(simulate_command::simulate(&config, &out))
        }
        Command::Import(ImportArgs { place, files, alerts }) => {
            done(block_on(import::import(place.load()?, files, alerts)))
        }
        Command::Query(QueryArgs { place, sql, limit, json }) => {
            let config = place.load()?;
            done(block_on(query_command::query(&config, &sql, limit, json)))
        }
        Command::Alerts(args) => {
            let AlertsArgs { place, status, metric, json } = args;
            let config = place.load()?;
            done(block_on(alerts_command::alerts(&config, status.as_deref(), metric, json)))
        }
        Command::Hindsight(HindsightArgs { place, changes, apply, by, json }) => {
            let apply_by = apply.then(|| by.map_or_else(registry_command::user, Ok)).transpose()?;
            done(block_on(hindsight::hindsight(place.load()?, hindsight::Request { changes, apply_by, json })))
        }
        Command::Metrics { what } => done(metrics(what)),
        Command::Report(ReportArgs { place, week, format }) => {
            let format = match format {
                ReportFormat::Html => report_command::Format::Html,
                ReportFormat::Json => report_command::Format::Json,
            };
            done(report_command::report(&place.load()?, week.as_deref(), format))
        }
        Command::Doctor(place) => {
            let config = place.load()?;
            block_on(async { Ok(doctor::doctor(&config).await) })
        }
        Command::Bench { what } => done(bench::run(what)),
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&hark_dashboard::openapi())?);
            Ok(true)
        }
    }
}

fn models(what: Models) -> Result<()> {
    match what {
        Models::List { place, json } => block_on(models_command::list(&place.load()?, json)),
        Models::Versions { place, metric, json } => {
            block_on(models_command::versions(&place.load()?, metric.as_deref(), json))
        }
        Models::Evaluate { place, metric, json } => {
            block_on(models_command::evaluate(&place.load()?, metric.as_deref(), json))
        }
        Models::Train(args) => order_model(args, ModelOrder::Train),
        Models::Promote(args) => order_model(args, ModelOrder::Promote),
        Models::Rollback(args) => order_model(args, ModelOrder::RollBack),
        Models::Import(request) => block_on(imported::import(request)),
        Models::Remove(removal) => block_on(imported::remove(removal)),
    }
}

fn order_model(ModelOrderArgs { place, metric, detector, by }: ModelOrderArgs, order: ModelOrder) -> Result<()> {
    let by = by.map_or_else(registry_command::user, Ok)?;
    models_command::order(&place.load()?, &metric, &detector, order, &by)
}

fn metrics(what: Metrics) -> Result<()> {
    match what {
        Metrics::Validate { file } => registry_command::validate(&file),
        Metrics::Preview { place, file, days, json } => registry_command::preview(&place.load()?, &file, days, json),
        Metrics::Apply { place, file, by } => {
            let by = by.map_or_else(registry_command::user, Ok)?;
            registry_command::apply(&place.load()?, &file, &by)
        }
        Metrics::List { place, json } => registry_command::list(&place.load()?, json),
    }
}

fn done(outcome: Result<()>) -> Result<bool> {
    outcome.map(|()| true)
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

impl From<DemoArgs> for demo::Request {
    fn from(args: DemoArgs) -> Self {
        let DemoArgs { listen, days, rate, incidents, seed, minutes_per_second } = args;
        let budget = Budget::shared(1.0);
        Self { listen, seed, days, rate, incidents, minutes_per_second, budget }
    }
}

impl From<SlicesArgs> for explain_command::Request {
    fn from(args: SlicesArgs) -> Self {
        let SlicesArgs { leaves, actual, expected, dims, json } = args;
        let columns = Columns { actual, expected, dimensions: dims };
        Self { leaves, columns, format: if json { Format::Json } else { Format::Text } }
    }
}

impl From<PeersArgs> for peers_command::Request {
    fn from(args: PeersArgs) -> Self {
        let PeersArgs { series, window, false_alarms, anomalies } = args;
        let settings = Settings { false_alarms, period_rows: None, seed: 0 };
        Self { series, window: window as usize, settings, only_anomalies: anomalies }
    }
}

impl From<DetectArgs> for detect_command::Request {
    fn from(args: DetectArgs) -> Self {
        let DetectArgs { series, detector, model, place, library, period, false_alarms, seed, out, batch } = args;
        let judge = match model {
            Some(model) => detect_command::Judge::Brought { model, place, library },
            None => detect_command::Judge::Named(detector),
        };
        let settings = Settings { false_alarms, period_rows: period.map(|rows| rows as usize), seed };
        Self { series, judge, settings, out, is_batch: batch }
    }
}

impl TryFrom<ReplayArgs> for replay::Request {
    type Error = anyhow::Error;

    fn try_from(args: ReplayArgs) -> Result<Self> {
        let ReplayArgs { mutant, no_self_test, .. } = args;
        let ReplayArgs { events, metrics, changes, out, explain_funnel, false_alarms_per_week, .. } = args;
        anyhow::ensure!(
            false_alarms_per_week.is_finite() && false_alarms_per_week > 0.0,
            "--false-alarms-per-week is {false_alarms_per_week}; write a number above 0, such as 1"
        );
        let budget = Budget::shared(false_alarms_per_week);
        Ok(Self { events, metrics, changes, out, explain_funnel, budget, mutant, self_test: !no_self_test })
    }
}
