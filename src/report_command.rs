//! `hark report`: the week for leadership, from the running hark.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::config::Config;

const WITHIN: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Html,
    Json,
}

/// The server's own answer, to the byte: the page, the mail and this show the same numbers.
pub fn report(config: &Config, week: Option<&str>, format: Format) -> Result<()> {
    let week = week.map(str::parse::<hark_report::Week>).transpose()?;
    let format = match format {
        Format::Html => "html",
        Format::Json => "json",
    };
    let week = week.map(|week| format!("&week={week}")).unwrap_or_default();
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().timeout_global(Some(WITHIN)).http_status_as_error(false).build(),
    );
    let address = format!("http://{}/api/v1/report?format={format}{week}", config.listen);
    let Ok(mut response) = agent.get(&address).call() else {
        bail!("no hark listens on {}; start `hark serve`, or name another address with --listen", config.listen);
    };
    let is_ok = response.status().is_success();
    let body = response.body_mut().read_to_string()?;
    if !is_ok {
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        bail!(
            "{}",
            problem["detail"].as_str().unwrap_or("the report was refused; is this a hark of the same version?")
        );
    }
    print!("{body}");
    if format == "json" {
        println!();
    }
    Ok(())
}
