//! What commands ask of a hark that is running.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;

use crate::config::Config;

/// A preview folds days of events.
const WITHIN: Duration = Duration::from_secs(120);

pub(crate) enum Failed {
    NobodyThere,
    Refused(anyhow::Error),
}

impl Failed {
    pub(crate) fn say(self, config: &Config) -> anyhow::Error {
        match self {
            Self::NobodyThere => {
                anyhow!(
                    "no hark listens on {}; start `hark serve`, or name another address with --listen",
                    config.listen
                )
            }
            Self::Refused(problem) => problem,
        }
    }
}

pub(crate) fn ask(config: &Config, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().timeout_global(Some(WITHIN)).http_status_as_error(false).build(),
    );
    let address = format!("http://{}{path}", config.listen);
    let sent = match (method, body) {
        ("POST", Some(body)) => agent.post(&address).send_json(body),
        ("PUT", Some(body)) => agent.put(&address).send_json(body),
        _ => agent.get(&address).call(),
    };
    let Ok(mut response) = sent else { return Err(Failed::NobodyThere) };
    let is_ok = response.status().is_success();
    let Ok(answer) = response.body_mut().read_json::<Value>() else { return Err(Failed::NobodyThere) };
    if is_ok { Ok(answer) } else { Err(Failed::Refused(refusal(&answer))) }
}

fn refusal(answer: &Value) -> anyhow::Error {
    anyhow!("{}", answer["detail"].as_str().unwrap_or("the running hark refused it; is it of the same version?"))
}
