//! Rows in columns.

use palm::log::harmless;

/// Space between two columns.
const GAP: &str = "  ";

/// Text in columns, each as wide as its widest cell. What steers a terminal is escaped.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Which columns are numbers, and stand to the right.
    numbers: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads. One that begins with `>` is of a column of numbers.
    pub(crate) fn new(heads: &[&str]) -> Self {
        let numbers = heads.iter().map(|head| head.starts_with('>')).collect();
        let heads = heads.iter().map(|head| head.trim_start_matches('>').to_owned()).collect();
        Self { numbers, rows: vec![heads] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| harmless(cell)).collect());
    }

    /// The lines, heads first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.numbers.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).zip(&self.numbers).map(|((cell, width), number)| match number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// The lines as text.
    pub(crate) fn text(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = "B";
    let mut tenths = 0;
    for next in UNITS {
        if value < 1024 {
            break;
        }
        (value, tenths, unit) = (value / 1024, value % 1024 * 10 / 1024, next);
    }
    if unit == "B" { format!("{value} B") } else { format!("{value}.{tenths} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", ">N", "X"]);
        table.row(vec!["a longer one".to_owned(), "5".to_owned(), String::new()]);
        table.row(vec!["é\u{1b}".to_owned(), "123".to_owned(), "x".to_owned()]);
        assert_eq!(table.text(), "NAME            N  X\na longer one    5\né\\u{1b}       123  x\n");
    }

    #[test]
    fn bytes_have_a_unit() {
        let texts = [0, 1023, 1024, 1536, 5 << 20, u64::MAX].map(bytes);
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "16777215.9 TiB"]);
    }
}
