//! PostgreSQL's errors in the store's terms. They name the host and the database, and never the password.

use hark_store::{BoxError, StoreError};
use sqlx::postgres::PgConnectOptions;

/// SQLSTATE of a server that starts, stops or recovers: there, but not yet or no longer for us.
const CANNOT_CONNECT_NOW: &str = "57P03";
const ADMIN_SHUTDOWN: &str = "57P01";

/// Where the database is, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    host: String,
    database: String,
}

impl Place {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let name = options.get_database().unwrap_or_else(|| options.get_username());
        let database = format!("`{name}` on {host}");
        Self { host, database }
    }

    pub(crate) fn database(&self) -> String {
        self.database.clone()
    }

    pub(crate) fn unreachable(&self, source: impl Into<BoxError>) -> StoreError {
        StoreError::Unreachable { host: self.host.clone(), source: source.into() }
    }

    pub(crate) fn connect_error(&self, error: sqlx::Error) -> StoreError {
        if is_unreachable(&error) {
            return self.unreachable(error);
        }
        StoreError::Open { database: self.database(), source: error.into() }
    }

    pub(crate) fn read_error(&self, step: &'static str, error: sqlx::Error) -> StoreError {
        if is_unreachable(&error) {
            return self.unreachable(error);
        }
        StoreError::Read { step, source: error.into() }
    }

    pub(crate) fn write_error(&self, step: &'static str, error: sqlx::Error) -> StoreError {
        if is_unreachable(&error) {
            return self.unreachable(error);
        }
        StoreError::Write { step, source: error.into() }
    }
}

fn is_unreachable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| matches!(code.as_ref(), CANNOT_CONNECT_NOW | ADMIN_SHUTDOWN))
        }
        _ => false,
    }
}
