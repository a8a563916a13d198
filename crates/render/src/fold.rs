//! Text on terminals that are narrower than it.

use comfy_table::{ContentArrangement, Table};
use textwrap::{Options, core::display_width, wrap};

/// Breaks cells into lines until the table takes so many columns; `None` is as many as it wants.
pub(crate) fn fold(table: &mut Table, columns: Option<u16>) {
    if let Some(columns) = columns {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(columns);
    }
}

/// Text whose lines are broken between words where they take more columns; what follows stands two
/// columns further in. Tables that were made for as many columns stay as they are.
pub fn fitted(text: &str, columns: Option<u16>) -> String {
    let Some(columns) = columns.map(usize::from) else {
        return text.to_owned();
    };
    let fit = |line: &str| {
        if display_width(line) <= columns {
            return line.to_owned();
        }
        let indent = line.len() - line.trim_start().len();
        let further = " ".repeat(indent + 2);
        let options = Options::new(columns)
            .break_words(false)
            .subsequent_indent(&further);
        wrap(line, options).join("\n")
    };
    text.split('\n').map(fit).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_goes_on_further_in() {
        let text = "short\n  a line of many words\n\nrunner compare /a/long/path";
        let fitting = "short\n  a line of\n    many words\n\nrunner compare\n  /a/long/path";
        assert_eq!(fitted(text, Some(14)), fitting);
        assert_eq!(fitted(text, None), text);
        assert_eq!(fitted(text, Some(40)), text);
    }
}
