//! Models of a metric and their life. A model learns of quiet hours and says how strange an hour is; which version of it is heard follows
//! from the stream alone.
//!
//! ```text
//! feature_rows -> IsolationForest \
//!                                  > Life: KeptRows -> Version -> trial -> active, previous
//! hour_windows -> HourNetwork     /
//! ```

pub mod feature_rows;
mod forest;
pub mod hour_windows;
mod kept_rows;
mod model;
mod network;
mod of_metric;
mod trial;
mod version;

pub use model::Model;
pub use network::HourNetwork;
pub use of_metric::{Life, Moved, OrderRefused};
pub use version::{Strangeness, Version};
