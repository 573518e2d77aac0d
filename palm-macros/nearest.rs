//! "did you mean": the known name that a misspelt one is nearest to.

/// What a message about an unknown name ends with: `` ; did you mean `…`? `` or nothing.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

/// The nearest of the known names, if it is near: at most a third of the name has to be changed.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().max(3) / 3;
    known
        .into_iter()
        .map(|known| (distance(&name.to_lowercase(), &known.to_lowercase()), known))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// How many letters have to be inserted, removed, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![(0..=right.len()).collect::<Vec<_>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_lost_swapped_or_in_the_wrong_case_is_near() {
        assert_eq!(nearest("WorkerPus", ["WorkerPull", "WorkerPush"]), Some("WorkerPush"));
        assert_eq!(nearest("Plul", ["Pub", "Pull"]), Some("Pull"));
        assert_eq!(nearest("pub", ["Pull", "Pub"]), Some("Pub"));
    }

    #[test]
    fn what_is_far_is_not_suggested() {
        assert_eq!(suggestion("Dealer", ["Pull", "Pub"]), "");
        assert_eq!(suggestion("", ["Pull"]), "");
    }
}
