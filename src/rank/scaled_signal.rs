//! Signals on a common scale, and the order that their sums make.

/// A named signal: one value for each candidate.
#[derive(Debug)]
pub(super) struct ScaledSignal {
    pub name: &'static str,
    pub values: Vec<f64>,
}

impl ScaledSignal {
    /// Scales values, none of them below 0, to `0..=weight`: the greatest becomes `weight`.
    pub fn new(name: &'static str, weight: f64, mut values: Vec<f64>) -> Self {
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let scale = if greatest > 0.0 { weight / greatest } else { 0.0 };
        // An empty sum is -0.0; adding 0.0 turns it into 0.0.
        values.iter_mut().for_each(|value| *value = *value * scale + 0.0);
        Self { name, values }
    }
}

/// The sum of the signals for each candidate.
pub(super) fn sums(signals: &[ScaledSignal], candidates: usize) -> Vec<f64> {
    (0..candidates).map(|i| signals.iter().map(|signal| signal.values[i]).sum()).collect()
}

/// The candidates from the highest sum to the lowest. Candidates with equal sums keep their order.
pub(super) fn order(sums: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_count_by_weight_not_by_scale() {
        let signals = [
            ScaledSignal::new("a", 1.0, vec![10.0, 5.0, 0.0]),
            ScaledSignal::new("b", 0.5, vec![0.0, 0.1, 0.1]),
        ];
        assert_eq!(sums(&signals, 3), [1.0, 1.0, 0.5]);
        assert_eq!(order(&sums(&signals, 3)), [0, 1, 2]);
    }

    #[test]
    fn a_signal_of_nothing_changes_nothing() {
        assert_eq!(ScaledSignal::new("a", 1.0, vec![0.0, 0.0]).values, [0.0, 0.0]);
        assert!(sums(&[], 0).is_empty());
    }
}
