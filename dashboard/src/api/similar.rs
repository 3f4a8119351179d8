//! What became of the earlier alerts that one is like: when they ended, and what people said of them.

use hark_model::Alert;
use hark_store::StoreError;

use crate::AppState;

/// Joined on read: the pipeline knows nothing of what people say, and they may say it later.
pub(super) async fn with_verdicts(state: &AppState, mut alert: Alert) -> Result<Alert, StoreError> {
    for similar in &mut alert.similar {
        let Some(earlier) = state.store.alert(&similar.alert_id).await? else { continue };
        similar.resolved_at = earlier.resolved_at;
        if let Some(feedback) = earlier.feedback.last() {
            similar.verdict = Some(feedback.verdict);
            similar.label.clone_from(&feedback.label);
        }
    }
    Ok(alert)
}
