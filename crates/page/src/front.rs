//! The front page of several runs: what each asked, what came of it, and where its page is.

use crate::{
    frame::{FILE, document, origin, title},
    sections::answer,
};
use maud::{Markup, html};
use report::{model::ModelReport, run::RunReport};
use view::View;

/// A run as a front page names it.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Name of its directory, beside the front page.
    pub directory: &'a str,
    /// As it was saved.
    pub run: &'a RunReport,
    /// In the order of the plan.
    pub models: &'a [ModelReport],
}

/// A page that lies beside the directories of these runs, and links the page in each.
pub fn front(entries: &[Entry<'_>]) -> String {
    let runs = match entries.len() {
        1 => "1 run".to_owned(),
        several => format!("{several} runs"),
    };
    let inside = html! {
        header {
            h1 { (runs) }
            p.meta { "Each links to its page, which has charts, verdicts and comparisons." }
        }
        @for (index, entry) in entries.iter().enumerate() { (of(index, entry)) }
    };
    document(&runs, None, &inside)
}

fn of(index: usize, entry: &Entry<'_>) -> Markup {
    let view = View::of(index, entry.run, entry.models);
    html! {
        section {
            h2 { a href={ (encoded(entry.directory)) "/" (FILE) } { (title(entry.run)) } }
            (origin(&view))
            ul.answer { @for sentence in answer::answers(&view) { li { (sentence) } } }
        }
    }
}

/// As a part of an address: a name may have any characters.
fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    let bytes = name.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}
