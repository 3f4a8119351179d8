//! SQLite's errors in the store's terms.

use hark_store::StoreError;

/// Primary result codes: another connection holds the lock, or another statement of a shared cache does.
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;

pub(crate) fn open_error(database: &str, error: sqlx::Error) -> StoreError {
    let database = database.to_owned();
    if is_locked(&error) {
        return StoreError::Locked { database, source: error.into() };
    }
    StoreError::Open { database, source: error.into() }
}

pub(crate) fn read_error(database: &str, step: &'static str, error: sqlx::Error) -> StoreError {
    if is_locked(&error) {
        return StoreError::Locked { database: database.to_owned(), source: error.into() };
    }
    StoreError::Read { step, source: error.into() }
}

pub(crate) fn write_error(database: &str, step: &'static str, error: sqlx::Error) -> StoreError {
    if is_locked(&error) {
        return StoreError::Locked { database: database.to_owned(), source: error.into() };
    }
    StoreError::Write { step, source: error.into() }
}

pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    // An extended code keeps its primary one in the low byte.
    code.is_some_and(|code| matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED))
}
