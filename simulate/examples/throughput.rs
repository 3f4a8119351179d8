//! How many events a second one core makes: `cargo run --release -p hark-simulate --example throughput [rate] [days]`.

use std::time::Instant;

use hark_simulate::{Config, Simulation};

#[expect(clippy::disallowed_methods, reason = "a measurement of time, shown to a person")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rate = arguments.next().map_or(Ok(2000.0), |text| text.parse())?;
    let days = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let started = Instant::now();
    let mut simulation = Simulation::new(Config { rate, days, incidents: 3, ..Config::default() })?;
    let planned = started.elapsed();
    let started = Instant::now();
    let mut lines = Vec::new();
    let mut bytes = 0;
    while simulation.next_minute(&mut lines).is_some() {
        bytes += lines.len();
        lines.clear();
    }
    let seconds = started.elapsed().as_secs_f64();
    let events = simulation.written().events;
    println!("planned in {:.0} ms", planned.as_secs_f64() * 1e3);
    println!(
        "{events} events in {seconds:.2} s: {:.0} events/s, {:.0} MB/s",
        events as f64 / seconds,
        bytes as f64 / seconds / 1e6
    );
    Ok(())
}
