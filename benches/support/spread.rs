//! Several runs as one figure.

/// The middle of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    /// `None` if there was no run.
    pub(crate) fn of(runs: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut runs: Vec<f64> = runs.into_iter().collect();
        runs.sort_unstable_by(f64::total_cmp);
        let (lowest, highest) = (*runs.first()?, *runs.last()?);
        let median = f64::midpoint(runs[(runs.len() - 1) / 2], runs[runs.len() / 2]);
        Some(Self { median, lowest, highest })
    }

    /// Half of the range, in percent of the median.
    pub(crate) fn percent(&self) -> f64 {
        (self.highest - self.lowest) / 2.0 / self.median * 100.0
    }
}
