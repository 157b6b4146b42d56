//! What a server answers to a simple query: every value as text.

/// Values of one row after the other; None for NULL.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// The one value that was asked for.
pub(super) fn first(rows: &Rows) -> Option<&str> {
    rows.first().and_then(|row| value(row, 0))
}

/// None: NULL, or not there.
pub(super) fn value(row: &[Option<String>], column: usize) -> Option<&str> {
    row.get(column).and_then(Option::as_deref)
}
