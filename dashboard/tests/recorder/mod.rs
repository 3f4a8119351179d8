//! Both servers with an engine behind them that writes down what it is given and answers as it was told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hark_dashboard::{
    AppState, CompareQuestion, Delivery, DetectorEntry, DistributionAnswer, DriversAnswer, Engine, ExemplarQuestion,
    ExemplarsAnswer, FunnelQuestion, FunnelReport, HeatMapAnswer, IngestAnswer, IngestError, Live, PreviewAnswer,
    PreviewQuestion, ProcessReport, QueryAnswer, QueryProblem, QueryQuestion, ReportQuestion, SelfTestReport,
    SeriesAnswer, SeriesQuestion, Status, serve, serve_grpc,
};
use hark_model::{Alert, AlertId, Change, ChangeId, ImportedModel, ModelOrder, ModelVersion, Silence, Timestamp};
use hark_store::{
    Act, AlertPage, AlertQuery, AuditEntry, DefinitionChange, DefinitionVersion, ImportedRemoval, IncidentOutline,
    ModelAct, SilenceChange, Store, StoreError,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

pub(crate) type Answer = Result<IngestAnswer, IngestError>;

pub(crate) struct Doors {
    pub(crate) main: SocketAddr,
    pub(crate) grpc: SocketAddr,
    recorder: Arc<Recorder>,
    _runtime: Runtime,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    headers: ureq::http::HeaderMap,
}

struct Recorder {
    answer: Answer,
    deliveries: Mutex<Vec<Delivery>>,
}

impl Doors {
    /// Opens both ports; whatever is sent gets this answer.
    pub(crate) fn open(answer: Answer) -> Self {
        let recorder = Arc::new(Recorder { answer, deliveries: Mutex::default() });
        let state = AppState { engine: Arc::clone(&recorder) as _, store: Arc::new(NoStore) };
        let runtime = Runtime::new().unwrap();
        let (main, grpc) = runtime.block_on(async {
            let main = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = (main.local_addr().unwrap(), grpc.local_addr().unwrap());
            tokio::spawn(serve(main, state.clone()));
            tokio::spawn(serve_grpc(grpc, state));
            addresses
        });
        Self { main, grpc, recorder, _runtime: runtime }
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        post(self.main, path, headers, body)
    }

    pub(crate) fn post_to_grpc_port(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        post(self.grpc, path, headers, body)
    }

    pub(crate) fn last_delivery(&self) -> Delivery {
        self.recorder.deliveries.lock().unwrap().last().unwrap().clone()
    }
}

fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("http://{address}{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut response = request.send(body).unwrap();
    let body = response.body_mut().read_to_vec().unwrap();
    Reply { status: response.status().as_u16(), body, headers: response.headers().clone() }
}

impl Reply {
    /// Empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[async_trait]
impl Engine for Recorder {
    async fn ingest(&self, delivery: Delivery) -> Answer {
        self.deliveries.lock().unwrap().push(delivery);
        self.answer.clone()
    }
    async fn query(&self, _: QueryQuestion) -> Result<QueryAnswer, QueryProblem> {
        unreachable!("nobody asks")
    }
    async fn exemplars(&self, _: ExemplarQuestion) -> Result<ExemplarsAnswer, QueryProblem> {
        unreachable!("nobody asks")
    }
    async fn add_change(&self, _: Change) -> Result<(), IngestError> {
        unreachable!("nothing changes")
    }
    fn drivers(&self, _: &CompareQuestion) -> Result<DriversAnswer, String> {
        unreachable!("nobody asks")
    }
    fn heat_map(&self, _: &CompareQuestion, _: Option<&str>, _: Option<&str>) -> Result<HeatMapAnswer, String> {
        unreachable!("nobody asks")
    }
    fn distribution(&self, _: &CompareQuestion) -> Result<DistributionAnswer, String> {
        unreachable!("nobody asks")
    }
    fn series(&self, _: &SeriesQuestion) -> Result<SeriesAnswer, String> {
        unreachable!("nobody asks")
    }
    fn status(&self) -> Status {
        unreachable!("nobody asks")
    }
    async fn report(&self, _: ReportQuestion) -> Result<hark_report::Report, QueryProblem> {
        unreachable!("nobody asks")
    }
    fn self_test(&self) -> SelfTestReport {
        unreachable!("nobody asks")
    }
    fn funnel(&self, _: &FunnelQuestion) -> Result<FunnelReport, String> {
        unreachable!("nobody asks")
    }
    async fn process(&self) -> ProcessReport {
        unreachable!("nobody asks")
    }
    fn definitions(&self) -> serde_json::Value {
        unreachable!("nobody asks")
    }
    fn check_definitions(&self, _: &[String]) -> Result<(), String> {
        unreachable!("nothing is defined")
    }
    async fn adopt_definitions(&self, _: Vec<String>) -> Result<(), IngestError> {
        unreachable!("nothing is defined")
    }
    async fn order_model(&self, _: &str, _: &str, _: ModelOrder, _: &str) -> Result<(), String> {
        unreachable!("there are no models")
    }
    async fn apply_silences(&self) -> bool {
        unreachable!("nothing is silenced")
    }
    fn detectors(&self) -> Vec<DetectorEntry> {
        unreachable!("nobody asks")
    }
    async fn preview(&self, _: PreviewQuestion) -> Result<PreviewAnswer, QueryProblem> {
        unreachable!("nothing is defined")
    }
    fn is_ready(&self) -> bool {
        true
    }
    fn publish(&self, _: Live) {}
    fn subscribe(&self) -> broadcast::Receiver<Live> {
        unreachable!("nobody listens")
    }
}

struct NoStore;

#[async_trait]
impl Store for NoStore {
    async fn save_alerts(&self, _: &[Alert]) -> Result<(), StoreError> {
        unreachable!("there are no alerts")
    }
    async fn alert(&self, _: &AlertId) -> Result<Option<Alert>, StoreError> {
        unreachable!("there are no alerts")
    }
    async fn alerts(&self, _: &AlertQuery) -> Result<AlertPage, StoreError> {
        unreachable!("there are no alerts")
    }
    async fn incident(&self, _: &str) -> Result<Vec<Alert>, StoreError> {
        unreachable!("there are no alerts")
    }
    async fn incident_outline(&self, _: &str) -> Result<Option<IncidentOutline>, StoreError> {
        unreachable!("there are no alerts")
    }
    async fn act(&self, _: &AlertId, _: Act<'_>, _: Timestamp) -> Result<Option<Alert>, StoreError> {
        unreachable!("there are no alerts")
    }
    async fn audit(&self, _: &str) -> Result<Vec<AuditEntry>, StoreError> {
        unreachable!("nothing is done")
    }
    async fn save_changes(&self, _: &[Change]) -> Result<(), StoreError> {
        unreachable!("nothing changes")
    }
    async fn changes(&self, _: Timestamp, _: Timestamp) -> Result<Vec<(ChangeId, Change)>, StoreError> {
        unreachable!("nothing changes")
    }
    async fn recent_audit(&self, _: i64) -> Result<Vec<AuditEntry>, StoreError> {
        unreachable!("nothing is done")
    }
    async fn save_definition(&self, _: DefinitionChange<'_>) -> Result<i64, StoreError> {
        unreachable!("nothing is defined")
    }
    async fn definitions(&self) -> Result<Vec<DefinitionVersion>, StoreError> {
        unreachable!("nothing is defined")
    }
    async fn definition_history(&self, _: &str) -> Result<Vec<DefinitionVersion>, StoreError> {
        unreachable!("nothing is defined")
    }
    async fn save_models(&self, _: &[ModelVersion]) -> Result<(), StoreError> {
        unreachable!("there are no models")
    }
    async fn models(&self) -> Result<Vec<ModelVersion>, StoreError> {
        unreachable!("there are no models")
    }
    async fn note_model_act(&self, _: ModelAct<'_>) -> Result<(), StoreError> {
        unreachable!("there are no models")
    }
    async fn add_imported_model(&self, _: &ImportedModel) -> Result<u32, StoreError> {
        unreachable!("there are no models")
    }
    async fn imported_models(&self) -> Result<Vec<ImportedModel>, StoreError> {
        unreachable!("there are no models")
    }
    async fn remove_imported_models(&self, _: ImportedRemoval<'_>) -> Result<Vec<ImportedModel>, StoreError> {
        unreachable!("there are no models")
    }
    async fn is_imported(&self, _: &str) -> Result<bool, StoreError> {
        unreachable!("there are no models")
    }
    async fn save_silence(&self, _: SilenceChange<'_>) -> Result<(), StoreError> {
        unreachable!("nothing is silenced")
    }
    async fn silences(&self, _: Timestamp) -> Result<Vec<Silence>, StoreError> {
        unreachable!("nothing is silenced")
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn close(&self) {}
}
