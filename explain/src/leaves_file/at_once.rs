//! Work on rows shared between the processors, with the same answer whatever their number.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Fewer rows are done before another thread has begun.
const ROWS_MIN: usize = 8192;
/// More threads than this have nothing to do.
const THREADS_MAX: usize = 8;

fn threads(rows: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.min(THREADS_MAX).min(rows / ROWS_MIN * 2).max(1)
}

/// What `make` makes of all rows, a part of them at a time.
pub(crate) fn at_once<T: Send>(rows: usize, make: impl Fn(Range<usize>) -> Vec<T> + Sync) -> Vec<T> {
    let threads = threads(rows);
    let part = |at: usize| rows * at / threads..rows * (at + 1) / threads;
    let mut parts = each_at_once(threads, rows, |at| make(part(at)));
    match parts.len() {
        1 => parts.remove(0),
        _ => parts.into_iter().flatten().collect(),
    }
}

/// What `make` makes of each task, in the order of the tasks; `rows` tell whether they are worth a thread.
pub(crate) fn each_at_once<T: Send>(tasks: usize, rows: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = threads(rows).min(tasks);
    if threads <= 1 {
        return (0..tasks).map(make).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let taken = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&task| task < tasks));
        taken.map(|task| (task, make(task))).collect::<Vec<(usize, T)>>()
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(some)).collect();
        let mut made = some();
        for other in others {
            match other.join() {
                Ok(theirs) => made.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|(task, _)| *task);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_none_is_left_out() {
        for rows in [0, 1, 100, ROWS_MIN - 1, ROWS_MIN, 10 * ROWS_MIN + 7] {
            let doubled = at_once(rows, |part| part.map(|row| 2 * row).collect());
            assert_eq!(doubled, (0..rows).map(|row| 2 * row).collect::<Vec<usize>>());
        }
    }

    #[test]
    fn tasks_come_back_in_order() {
        assert_eq!(each_at_once(5, 1_000_000, |task| 10 * task), [0, 10, 20, 30, 40]);
        assert!(each_at_once(0, 1_000_000, |task| task).is_empty());
    }
}
