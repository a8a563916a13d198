//! Tables on terminals that are narrower than they.

use comfy_table::{ContentArrangement, Table};

/// Breaks cells into lines until the table takes so many columns; `None` is as many as it wants.
pub(crate) fn fold(table: &mut Table, columns: Option<u16>) {
    if let Some(columns) = columns {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(columns);
    }
}
