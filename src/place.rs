//! Where a hark is: its configuration, its folder, its address, as flags.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::config::{Config, Overrides};

/// Of commands that look at a hark, running or not.
#[derive(Debug, Clone, Default, Args)]
pub struct Where {
    /// Configuration file; hark.toml in this folder where it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the API and the dashboard
    #[arg(long, value_name = "ADDR", env = "HARK_LISTEN")]
    listen: Option<String>,
    /// Data folder
    #[arg(long, value_name = "DIR", env = "HARK_DATA")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of SQLite
    #[arg(long, value_name = "URL", env = "HARK_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Metric definitions over the built-in ones
    #[arg(long, value_name = "FILE", env = "HARK_METRICS")]
    metrics: Option<PathBuf>,
}

impl Where {
    pub fn load(self) -> Result<Config> {
        let Self { config, listen, data, database, metrics } = self;
        Config::load(config.as_deref(), Overrides { listen, data, database, metrics })
    }
}
