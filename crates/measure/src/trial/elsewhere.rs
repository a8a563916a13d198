//! What isn't known of generators on other machines.

use report::trial::ProcessUse;

const ELSEWHERE: &str =
    "the generators are on other machines, whose processes can't be read from here";

/// Gives the reason for everything of their use that is null.
pub(super) fn explain(used: &mut ProcessUse) {
    for reason in used.not_measured.values_mut() {
        ELSEWHERE.clone_into(reason);
    }
}
