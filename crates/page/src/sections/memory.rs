//! Memory per connection by its owner, and what a million of them would take.

use super::figures::{READING, Shown, strip};
use chart::{
    Bar, Bars, Kind, Table, captioned,
    text::{bytes, short},
};
use maud::{Markup, html};
use report::model::Memory;
use view::{Seen, View};

pub(crate) const USER: &str = "memory.user_bytes_per_connection";
const KERNEL: &str = "memory.kernel_bytes_per_connection";

/// Nothing where the run had no idle load.
pub(crate) fn memory(view: &View<'_>) -> Option<Markup> {
    let of = |model: &Seen<'_>| {
        model
            .report
            .summary
            .memory
            .as_ref()
            .map(|memory| memory.connections_max)
    };
    let most = view.models.iter().filter_map(of).max()?;
    let title = "User memory of the server";
    let axis = "bytes per idle connection, logarithmic";
    let user = Shown::of(USER, title, "B/conn", axis, Kind::Log);
    Some(html! {
        p {
            "What an idle connection costs, from ladders of up to "
            (render::numbers::whole(most.into()))
            " connections. A kilobyte per connection is a gigabyte for a million."
        }
        p.note { (READING) }
        div.charts { (strip(view, user)) (by_owner(view)) }
        @if let Some(held) = held(view) {
            figure.chart { figcaption { strong { (render::held::TITLE) } } (held.draw()) }
        }
    })
}

/// `None` where no connections were held for long.
fn held(view: &View<'_>) -> Option<Table> {
    let rows = render::held::rows(view.models.iter().map(|model| model.report));
    Table::of(render::held::HEADER, rows)
}

const OWNERS: [&str; 4] = [
    "server, user",
    "server's end, kernel",
    "generator, user",
    "generator's end, kernel",
];

/// What the reports know of each owner; older ones know user and kernel only.
fn parts(memory: &Memory) -> [Option<f64>; 4] {
    match &memory.by_owner {
        Some(owner) => [
            owner.server_user_bytes_per_connection,
            owner.server_kernel_bytes_per_connection,
            owner.generator_user_bytes_per_connection,
            owner.generator_kernel_bytes_per_connection,
        ],
        None => [
            memory.user_bytes_per_connection,
            None,
            None,
            memory.kernel_bytes_per_connection,
        ],
    }
}

fn by_owner(view: &View<'_>) -> Markup {
    let title = "All memory of a connection, both ends";
    let mut table = Table::new([
        "model",
        "server user, B",
        "server kernel, B",
        "generator user, B",
        "generator kernel, B",
        "server's, for a million",
        "all, for a million",
    ]);
    let mut bars = Vec::new();
    for model in view.by(USER, false) {
        let memory = model.report.summary.memory.as_ref();
        let parts = memory.map_or([None; 4], parts);
        let sum = |parts: &[Option<f64>]| -> f64 { parts.iter().flatten().sum() };
        let all = sum(&parts);
        let million = |of: f64| {
            if of > 0.0 {
                bytes(of * 1e6)
            } else {
                "–".to_owned()
            }
        };
        let number =
            |part: Option<f64>| part.map_or_else(|| "–".to_owned(), render::numbers::whole);
        table.row([
            model.name().to_owned(),
            number(parts[0]),
            number(parts[1]),
            number(parts[2]),
            number(parts[3]),
            million(sum(&parts[..2])),
            million(all),
        ]);
        let mark = model.mark(USER).or(model.mark(KERNEL));
        let text = if all > 0.0 {
            bytes(all * 1e6)
        } else {
            "no figure".to_owned()
        };
        let tip = match memory {
            None => format!("{}: {}", model.name(), model.missing(USER)),
            Some(_) => format!(
                "{}: {} of {} are the server's own, {} with the kernel's part of its end; for a million \
                 connections {text} in all{}",
                model.name(),
                parts[0].map_or_else(|| "an unknown part".to_owned(), bytes),
                bytes(all),
                bytes(sum(&parts[..2])),
                if mark.is_doubtful() {
                    format!(" ({})", mark.note())
                } else {
                    String::new()
                }
            ),
        };
        bars.push(Bar {
            model: model.ink.model,
            name: model.name().to_owned(),
            parts: parts.to_vec(),
            mark,
            text,
            tip,
        });
    }
    let picture = Bars {
        title: title.to_owned(),
        axis: "kB per connection, which is GB for a million",
        parts: &OWNERS,
        bars,
        tick: &|value| short(value / 1e3),
    };
    captioned(
        title,
        "At the end of each bar what a million connections would take.",
        &picture.draw(),
        &table,
    )
}
