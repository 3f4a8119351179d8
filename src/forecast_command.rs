//! `hark forecast`: the rows ahead of a series, each between two values that hold with the probability asked for.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, Months, NaiveDateTime};
use clap::{Args, ValueEnum};
use hark_detectors::arima::Orders;
use hark_detectors::forecast::{Asked, Forecast, Kind, Model, forecast};
use hark_detectors::smoothing::Trend;
use hark_detectors::values::PERIOD_ROWS_MAX;
use serde::Serialize;

use crate::detect_command::{Line, lines, open, reader};
use crate::plain_values::write_time;

#[derive(Debug, Args)]
pub struct Request {
    /// CSV with the columns timestamp and value, as `hark detect` takes it; - for standard input
    series: PathBuf,
    /// Rows ahead of the last one
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// What goes on
    #[arg(long, value_enum, default_value_t = Named::Arima)]
    model: Named,
    /// The chance that a value lies between low and high
    #[arg(long, value_name = "CHANCE", default_value_t = 0.95, value_parser = level)]
    level: f64,
    /// Rows until a season comes again; a day and a week of the timestamps are found without
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(2..=PERIOD_ROWS_MAX as i64))]
    period: Option<u32>,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    /// Orders found by themselves, exact likelihood
    Arima,
    /// Exponential smoothing, its trend found by itself
    Ets,
}

fn level(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.01..=0.9999).contains(number));
    number.ok_or_else(|| "write a chance between 0.01 and 0.9999, such as 0.95".to_owned())
}

#[derive(Debug, Serialize)]
struct Told {
    model: ToldModel,
    log_likelihood: f64,
    /// Values that the likelihood is of.
    values: usize,
    /// The model, and its likelihood, are of the values' logarithms.
    of_logarithms: bool,
    /// Long seasons were taken off as waves before.
    waves: bool,
    level: f64,
    forecast: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
enum ToldModel {
    Arima {
        /// p, d and q.
        orders: [usize; 3],
        /// P, D, Q and the season in rows.
        seasonal_orders: [usize; 4],
        ar: Vec<f64>,
        ma: Vec<f64>,
        /// Of the differenced series; none where it is taken for zero.
        mean: Option<f64>,
        variance: f64,
    },
    Ets {
        trend: &'static str,
        variance: f64,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    timestamp: String,
    forecast: f64,
    low: f64,
    high: f64,
}

pub fn ahead(request: &Request) -> Result<()> {
    let (input, name) = open(&request.series)?;
    let mut reader = reader(input);
    let series = lines(&mut reader, &name)?.collect::<Result<Vec<Line>>>()?;
    let told = told(request, &series).with_context(|| format!("{name} cannot be forecast"))?;
    let mut out = io::stdout().lock();
    let text = if request.json {
        serde_json::to_string_pretty(&told)? + "\n"
    } else {
        eprintln!("{}", sentence(&told));
        table(&told.forecast)
    };
    out.write_all(text.as_bytes()).context("the forecast cannot be written")
}

fn told(request: &Request, series: &[Line]) -> Result<Told> {
    let kind = match request.model {
        Named::Arima => Kind::Arima,
        Named::Ets => Kind::Ets,
    };
    let period_rows = request.period.map(|rows| rows as usize);
    let asked = Asked { kind, rows: request.steps as usize, probability: request.level, period_rows };
    let rows: Vec<hark_detectors::Row> = series.iter().map(|line| line.row).collect();
    let Forecast { ahead, step_ms, model, log_likelihood, values, is_of_logarithms, has_waves } =
        forecast(&rows, asked)?;
    let like = series.last().map_or("", |line| line.time.as_str());
    let times = Times::of(series, step_ms);
    let row = |(at, ahead): (u32, &hark_detectors::arima::Ahead)| Row {
        timestamp: write_time(times.ahead(at), like),
        forecast: ahead.expected,
        low: ahead.low,
        high: ahead.high,
    };
    Ok(Told {
        model: model.into(),
        log_likelihood,
        values,
        of_logarithms: is_of_logarithms,
        waves: has_waves,
        level: request.level,
        forecast: (1..).zip(&ahead).map(row).collect(),
    })
}

impl From<Model> for ToldModel {
    fn from(model: Model) -> Self {
        match model {
            Model::Arima { orders, ar, ma, mean, variance } => {
                let Orders { differences, seasonal_ar, seasonal_differences, seasonal_ma, has_mean, .. } = orders;
                let is_seasonal = seasonal_ar + seasonal_differences + seasonal_ma > 0;
                let period = if is_seasonal { orders.period_rows } else { 0 };
                Self::Arima {
                    orders: [orders.ar, differences, orders.ma],
                    seasonal_orders: [seasonal_ar, seasonal_differences, seasonal_ma, period],
                    ar,
                    ma,
                    mean: has_mean.then_some(mean),
                    variance,
                }
            }
            Model::Ets { trend, variance } => {
                let trend = match trend {
                    Trend::None => "none",
                    Trend::Straight => "straight",
                    Trend::Damped => "damped",
                };
                Self::Ets { trend, variance }
            }
        }
    }
}

/// Times ahead of the last one: so many months later each where the rows come by months or years, else evenly.
#[derive(Debug, Clone, Copy)]
struct Times {
    last_ms: i64,
    step_ms: i64,
    step_months: Option<u32>,
}

impl Times {
    fn of(series: &[Line], step_ms: i64) -> Self {
        let times: Vec<i64> = series.iter().map(|line| line.row.time_ms()).collect();
        let last_ms = times.last().copied().unwrap_or_default();
        Self { last_ms, step_ms, step_months: months(&times) }
    }

    fn ahead(self, rows: u32) -> i64 {
        let evenly = self.last_ms.saturating_add(self.step_ms.saturating_mul(rows.into()));
        let by_months = || {
            let months = self.step_months?.checked_mul(rows)?;
            Some(moment(self.last_ms)?.checked_add_months(Months::new(months))?.and_utc().timestamp_millis())
        };
        by_months().unwrap_or(evenly)
    }
}

fn moment(time_ms: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_millis(time_ms)?.naive_utc())
}

/// Months from row to row, where all rows are of the same day of their months, at the same time of day.
fn months(times: &[i64]) -> Option<u32> {
    let times = times.iter().map(|time| moment(*time)).collect::<Option<Vec<NaiveDateTime>>>()?;
    let is_same = |pair: &[NaiveDateTime]| pair[0].day() == pair[1].day() && pair[0].time() == pair[1].time();
    let of = |time: &NaiveDateTime| i64::from(time.year()) * 12 + i64::from(time.month());
    let mut steps: Vec<i64> = times.windows(2).map(|pair| of(&pair[1]) - of(&pair[0])).collect();
    steps.sort_unstable();
    let usual = *steps.get(steps.len() / 2)?;
    (times.windows(2).all(is_same) && usual > 0).then(|| u32::try_from(usual).ok()).flatten()
}

fn table(rows: &[Row]) -> String {
    let line = |row: &Row| format!("{},{},{},{}\n", row.timestamp, row.forecast, row.low, row.high);
    std::iter::once("timestamp,forecast,low,high\n".to_owned()).chain(rows.iter().map(line)).collect()
}

/// What was fitted, for people.
fn sentence(told: &Told) -> String {
    let model = match &told.model {
        ToldModel::Arima { orders: [p, d, q], seasonal_orders, mean, .. } => {
            let season = match seasonal_orders {
                [0, 0, 0, _] => String::new(),
                [p, d, q, period] => format!("({p},{d},{q}){period}"),
            };
            let mean = match (mean, d) {
                (None, _) => "",
                (Some(_), 0) => " with a mean",
                (Some(_), _) => " with a drift",
            };
            format!("ARIMA({p},{d},{q}){season}{mean}")
        }
        ToldModel::Ets { trend: "none", .. } => "exponential smoothing without a trend".to_owned(),
        ToldModel::Ets { trend, .. } => format!("exponential smoothing with a {trend} trend"),
    };
    let waves = if told.waves { ", its seasons taken off as waves" } else { "" };
    let logarithms = if told.of_logarithms { "the logarithms of " } else { "" };
    format!("{model} of {logarithms}{} values{waves}: log likelihood {:.2}", told.values, told.log_likelihood)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(steps: u32, model: Named, period: Option<u32>) -> Request {
        Request { series: PathBuf::from("s.csv"), steps, model, level: 0.95, period, json: false }
    }

    fn of(text: &str, request: &Request) -> Result<Told> {
        let mut reader = reader(text.as_bytes());
        let series = lines(&mut reader, "s.csv")?.collect::<Result<Vec<Line>>>()?;
        told(request, &series)
    }

    /// The flow of the Nile at Aswan, 1871 to 1970 (Cobb 1978).
    const NILE: [u32; 100] = [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
        1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
        831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781,
        865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838,
        1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
    ];

    /// Orders, coefficients and likelihood that statsmodels comes to as well: ARIMA(1,1,1), 0.2544 and -0.8741,
    /// -630.63.
    #[test]
    fn the_nile_is_fitted_as_elsewhere_and_goes_on_by_years() {
        let lines = (1871..).zip(NILE).map(|(year, flow)| format!("{year}-01-01,{flow}\n"));
        let text: String = std::iter::once("timestamp,value\n".to_owned()).chain(lines).collect();
        let told = of(&text, &request(3, Named::Arima, None)).unwrap();
        assert_eq!(sentence(&told), "ARIMA(1,1,1) of 99 values: log likelihood -630.63");
        let ToldModel::Arima { ar, ma, .. } = &told.model else { panic!("{told:?}") };
        assert!((ar[0] - 0.2544).abs() < 1e-3 && (ma[0] + 0.8741).abs() < 1e-3, "{told:?}");
        let times: Vec<&str> = told.forecast.iter().map(|row| row.timestamp.as_str()).collect();
        assert_eq!(times, ["1971-01-01", "1972-01-01", "1973-01-01"]);
        assert!(table(&told.forecast).starts_with("timestamp,forecast,low,high\n1971-01-01,"));
    }

    #[test]
    fn rows_ahead_come_as_rows_came() {
        let months = |at: i64| moment(0).unwrap().checked_add_months(Months::new(at as u32)).unwrap();
        let season = |at: i64| if at % 12 == 11 { 50.0 } else { 10.0 } + (at * 7_919 % 13) as f64;
        let lines = (0..96).map(|at| format!("{},{}\n", months(at).format("%Y-%m-%d"), season(at)));
        let text: String = std::iter::once("timestamp,value\n".to_owned()).chain(lines).collect();
        let told = of(&text, &request(12, Named::Arima, Some(12))).unwrap();
        let december = told.forecast.iter().find(|row| row.timestamp == "1978-12-01").unwrap();
        let most = told.forecast.iter().map(|row| row.forecast).fold(0.0, f64::max);
        assert_eq!(december.forecast.to_bits(), most.to_bits(), "{told:?}");
        let minutes = (0..60).map(|at| format!("{},{}\n", 1_700_000_000 + 60 * at, at * 7_919 % 13));
        let text: String = std::iter::once("timestamp,value\n".to_owned()).chain(minutes).collect();
        let told = of(&text, &request(2, Named::Ets, None)).unwrap();
        assert_eq!(told.forecast[1].timestamp, "1700003660");
        assert!(sentence(&told).starts_with("exponential smoothing"), "{}", sentence(&told));
    }

    #[test]
    fn what_cannot_be_forecast_is_said() {
        let problem = |text: &str| format!("{:#}", of(text, &request(1, Named::Arima, None)).unwrap_err());
        assert!(problem("timestamp,value\n1,2\n").starts_with("its timestamps never go forward"));
        assert!(problem("timestamp,value\n1,2\n2,2\n").starts_with("no model can be fitted to its newest 2 values"));
        assert_eq!(
            problem("timestamp,value\n1,2\n2,abc\n"),
            "line 3 of s.csv: `abc` is not a number; leave the value empty where there is none"
        );
        assert!(level("1").is_err() && level("0.9").is_ok());
    }
}
