//! OTLP over gRPC: the logs and the metrics service, on the main port and on one of their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

use crate::api::otlp::{Signal, code_of};
use crate::api::otlp_messages::{Any, Duration, ExportResponse, RetryInfo, RpcStatus};
use crate::api::sender::source_or_program;
use crate::{AppState, Delivery, Engine, IngestError};

/// A larger message is refused, as sent or once unpacked.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) fn routes() -> Router<AppState> {
    let logs = |State(state): State<AppState>, request: Request| call(state, Signal::Logs, request);
    let metrics = |State(state): State<AppState>, request: Request| call(state, Signal::Metrics, request);
    Router::new()
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(logs))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", post(metrics))
}

/// What a port of its own answers to every other call, traces among them.
pub(crate) async fn unknown() -> Response {
    Status::unimplemented("hark takes logs and metrics over OTLP, and nothing else").into_http()
}

async fn call(state: AppState, signal: Signal, request: Request) -> Response {
    let source = source_or_program(request.headers());
    let service = Export { engine: state.engine, signal, source };
    let mut grpc =
        Grpc::new(Unread).accept_compressed(CompressionEncoding::Gzip).max_decoding_message_size(MESSAGE_BYTES_MAX);
    grpc.unary(service, request).await.map(Body::new)
}

struct Export {
    engine: Arc<dyn Engine>,
    signal: Signal,
    source: String,
}

impl UnaryService<Vec<u8>> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        let engine = Arc::clone(&self.engine);
        let delivery = Delivery {
            door: self.signal.door(false),
            encoding: String::new(),
            source: self.source.clone(),
            body: request.into_inner(),
        };
        Box::pin(async move {
            let answer = engine.ingest(delivery).await.map_err(|error| status(&error))?;
            Ok(tonic::Response::new(ExportResponse::of(&answer).encode_to_vec()))
        })
    }
}

fn status(error: &IngestError) -> Status {
    let (code, message) = (code_of(error), error.to_string());
    let IngestError::Busy { retry_after_seconds } = error else { return Status::new(code, message) };
    // Without this detail an exporter takes "exhausted" for final and drops the batch.
    let retry = RetryInfo { retry_delay: Some(Duration { seconds: i64::from(*retry_after_seconds) }) };
    let retry = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: retry.encode_to_vec() };
    let details = RpcStatus { code: code as i32, message: message.clone(), details: vec![retry] };
    Status::with_details(Code::ResourceExhausted, message, details.encode_to_vec().into())
}

/// Hands messages over as they are: the engine reads them.
#[derive(Debug, Clone, Copy)]
struct Unread;

impl Codec for Unread {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }
    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Unread {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Unread {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
