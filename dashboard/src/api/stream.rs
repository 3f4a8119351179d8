//! /api/v1/stream: server-sent events, so that pages are live without asking.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{AppState, Live};

/// Proxies close connections that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// What happens from now on
///
/// Event `alert` carries an alert that changed, `ingestion` the status. A reader who is too slow misses some, and the
/// next one is a state and not a difference.
#[utoipa::path(get, path = "/api/v1/stream", responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn stream(State(state): State<AppState>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = Live::Ingestion(Box::new(state.engine.status()));
    let receiver = state.engine.subscribe();
    let events = unfold((Some(first), receiver), |(first, mut receiver)| async move {
        if let Some(live) = first {
            return Some((Ok(event(&live)), (None, receiver)));
        }
        loop {
            match receiver.recv().await {
                Ok(live) => return Some((Ok(event(&live)), (None, receiver))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn event(live: &Live) -> Event {
    let (name, data) = match live {
        Live::Alert(alert) => ("alert", serde_json::to_string(alert)),
        Live::Ingestion(status) => ("ingestion", serde_json::to_string(status)),
    };
    Event::default().event(name).data(data.unwrap_or_else(|error| unreachable!("plain data becomes JSON: {error}")))
}
