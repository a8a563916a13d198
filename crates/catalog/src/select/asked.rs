//! What a person named.

use std::path::PathBuf;

/// What a person named.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Names, globs, `all`.
    pub names: Vec<String>,
    /// Programs to take for the models of these names, instead of building them.
    pub programs: Vec<(String, PathBuf)>,
    /// The file that describes servers that aren't ours; `None`: the workspace's own, if it has
    /// any.
    pub descriptions: Option<PathBuf>,
    /// Servers that aren't ours, by their commands.
    pub externals: Vec<(String, String)>,
}
