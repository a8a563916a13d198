//! How to compare.

/// How to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Ratios from 1 / (1 + margin) to 1 + margin are as good as equal, as a share.
    pub margin: f64,
    /// Changes for the worse up to this share are no regression; 0.05 is 5 %. `None`: nothing is
    /// judged as one.
    pub threshold: Option<f64>,
    /// Compare even what was asked for different things, and note how they differ.
    pub allow_different: bool,
    /// Say of different runs what is said of one: whatever differs between their machines then
    /// counts as a difference between the models.
    pub allow_across: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            margin: 0.02,
            threshold: None,
            allow_different: false,
            allow_across: false,
        }
    }
}
