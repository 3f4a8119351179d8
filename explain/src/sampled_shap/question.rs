//! A row, what it is compared with, and which columns play together.

use thiserror::Error;

/// A set of players is packed into so many bits.
pub const PLAYERS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SampledShapError {
    #[error("{0} players cannot be told apart; group the columns into 1 to 64")]
    Players(usize),
    #[error("all sets of {0} players are too many to ask for; draw orders instead, or group them into at most 12")]
    TooManySets(usize),
    #[error(
        "column {column} belongs to {times} players; give each column of the row to exactly one, and no other column"
    )]
    Column { column: usize, times: usize },
    #[error("{numbers} numbers are no background rows of {columns} columns; hand in whole rows, and at least one")]
    Background { numbers: usize, columns: usize },
    #[error("the model gave {found} values for {rows} rows; it has to give one for each")]
    Answers { found: usize, rows: usize },
    #[error("the model gave a value that is no finite number")]
    NotFinite,
    #[error("nothing can be learned from {0} draws; ask for more")]
    TooFewDraws(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Question<'a> {
    pub(super) row: &'a [f64],
    pub(super) background: &'a [f64],
    /// The columns of each player.
    pub(super) players: Vec<Vec<usize>>,
}

impl<'a> Question<'a> {
    /// Every column plays for itself. `background` are whole rows, one after the other.
    pub fn of_columns(row: &'a [f64], background: &'a [f64]) -> Result<Self, SampledShapError> {
        Self::of_players(row, background, (0..row.len()).map(|column| vec![column]).collect())
    }

    /// Columns that say much the same, such as all lags of one metric, play together.
    pub fn of_players(
        row: &'a [f64],
        background: &'a [f64],
        players: Vec<Vec<usize>>,
    ) -> Result<Self, SampledShapError> {
        if !(1..=PLAYERS_MAX).contains(&players.len()) {
            return Err(SampledShapError::Players(players.len()));
        }
        for column in 0..row.len().max(players.iter().flatten().max().map_or(0, |last| last + 1)) {
            let times = players.iter().flatten().filter(|played| **played == column).count();
            if times != usize::from(column < row.len()) {
                return Err(SampledShapError::Column { column, times });
            }
        }
        if background.is_empty() || !background.len().is_multiple_of(row.len()) {
            return Err(SampledShapError::Background { numbers: background.len(), columns: row.len() });
        }
        Ok(Self { row, background, players })
    }

    pub(super) fn background_rows(&self) -> impl Iterator<Item = &'a [f64]> {
        self.background.chunks_exact(self.row.len())
    }

    /// `other` with the columns of the players in `set` as they are in the row.
    pub(super) fn mixed(&self, set: u64, other: &[f64], into: &mut Vec<f64>) {
        let from = into.len();
        into.extend_from_slice(other);
        for (player, columns) in self.players.iter().enumerate() {
            if set >> player & 1 == 1 {
                columns.iter().for_each(|column| into[from + column] = self.row[*column]);
            }
        }
    }

    /// The set of all players.
    pub(super) fn everyone(&self) -> u64 {
        u64::MAX >> (64 - self.players.len())
    }
}
