//! Tables, and charts with what belongs to them: a caption, and the same as a table.

use maud::{Markup, html};

/// What a chart shows, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What the columns are.
    pub header: Vec<String>,
    /// The first cell names the row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// One without rows.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self {
            header: header.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// One with these rows; `None` where there is none.
    pub fn of<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> Option<Self> {
        let mut table = Self::new(header);
        table.rows = rows.into_iter().map(Vec::from).collect();
        (!table.rows.is_empty()).then_some(table)
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.to_vec());
    }

    /// As an element; a heading sorts by its column, where there is JavaScript.
    pub fn draw(&self) -> Markup {
        html! {
            div.scroll tabindex="0" {
                table.sortable {
                    thead { tr { @for cell in &self.header { th scope="col" { (cell) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (index, cell) in row.iter().enumerate() {
                                    @if index == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A chart with its title, a word on how to read it, and its numbers.
pub fn captioned(title: &str, reading: &str, picture: &Markup, table: &Table) -> Markup {
    html! {
        figure.chart {
            figcaption { strong { (title) } @if !reading.is_empty() { " " span.note { (reading) } } }
            (picture)
            @if !table.rows.is_empty() {
                details.numbers { summary { "The same as a table" } (table.draw()) }
            }
        }
    }
}
