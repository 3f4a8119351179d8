//! What can go wrong with a database, in sentences that say what to do.

/// The engine's own error, as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// [`StoreError::Query`] and [`StoreError::Refused`] are the caller's to mend; the others the operator's.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database address cannot be read; write postgres://user:password@host:5432/database")]
    Address {
        #[source]
        source: BoxError,
    },
    #[error("cannot reach PostgreSQL at {host}; check that it is running and that the address is right")]
    Unreachable {
        host: String,
        #[source]
        source: BoxError,
    },
    #[error("cannot open the database {database}; check that it exists and that hark may read and write it")]
    Open {
        database: String,
        #[source]
        source: BoxError,
    },
    #[error("the database {database} is locked by another program; stop that program, or try again later")]
    Locked {
        database: String,
        #[source]
        source: BoxError,
    },
    #[error("the database is of a newer hark (schema {found}, this binary knows {known}); update hark or open another")]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "the database is of an older hark (schema {found}, this binary needs {known}); \
         start the server on it once, which updates it"
    )]
    OlderSchema { found: i64, known: i64 },
    #[error("cannot update the tables of the database {database}; nothing was changed, see the cause")]
    Migrate {
        database: String,
        #[source]
        source: BoxError,
    },
    #[error("the database {database} was opened for reading only; ask the running server to make this change")]
    ReadOnly { database: String },
    #[error("cannot {step}; the database gave no answer, see the cause")]
    Read {
        step: &'static str,
        #[source]
        source: BoxError,
    },
    #[error("cannot {step}; nothing of it was saved, see the cause")]
    Write {
        step: &'static str,
        #[source]
        source: BoxError,
    },
    #[error("{what} `{id}` is stored in a form that this hark cannot read; update hark or remove that row")]
    Decode {
        what: &'static str,
        id: String,
        #[source]
        source: BoxError,
    },
    #[error("{what} `{id}` cannot be stored: {problem}")]
    Unstorable { what: &'static str, id: String, problem: String },
    /// A list was asked for in a way that makes no sense.
    #[error("{0}")]
    Query(String),
    /// A person's act is not taken as it is.
    #[error("{0}")]
    Refused(String),
}
