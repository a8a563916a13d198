//! Reasons for what is missing.

use std::collections::BTreeMap;

/// Notes the reason for a figure that is missing.
pub(crate) fn explain<T>(
    not_measured: &mut BTreeMap<String, String>,
    field: &str,
    value: Option<T>,
    reason: &str,
) -> Option<T> {
    if value.is_none() {
        not_measured.insert(field.to_owned(), reason.to_owned());
    }
    value
}
