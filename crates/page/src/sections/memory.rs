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

const OWNERS: [&str; 5] = [
    "server, user",
    "server's end, kernel",
    "generator, user",
    "generator's end, kernel",
    "kernel, of whichever end",
];

/// Bytes per connection by owner, as far as a report knows them.
struct Parts([Option<f64>; 5]);

impl Parts {
    /// The kernel's memory is undivided where it isn't known whose it is; older reports know no owners.
    fn of(memory: &Memory) -> Self {
        let owner = memory.by_owner.clone().unwrap_or_default();
        let of_ends = [
            owner.server_kernel_bytes_per_connection,
            owner.generator_kernel_bytes_per_connection,
        ];
        let is_divided = of_ends.iter().any(Option::is_some);
        Self([
            memory.user_bytes_per_connection,
            of_ends[0],
            owner.generator_user_bytes_per_connection,
            of_ends[1],
            memory.kernel_bytes_per_connection.filter(|_| !is_divided),
        ])
    }

    /// What the server's end takes, when all of that is known.
    fn of_server(&self) -> Option<f64> {
        Some(self.0[0]? + self.0[1]?)
    }

    /// What is known of both ends, with a sign when something isn't.
    fn all(&self) -> Option<(&'static str, f64)> {
        let [server, server_kernel, generator, generator_kernel, kernel] = self.0;
        let is_divided = server_kernel.is_some() && generator_kernel.is_some();
        let is_whole = server.is_some() && generator.is_some() && (is_divided || kernel.is_some());
        let known: f64 = self.0.iter().flatten().sum();
        (known > 0.0).then_some((if is_whole { "" } else { "≥\u{a0}" }, known))
    }

    /// What a million connections take of it, in words.
    fn row(&self, name: &str) -> [String; 8] {
        let none = || "–".to_owned();
        let number = |part: Option<f64>| part.map_or_else(none, render::numbers::whole);
        let server = self.of_server();
        let [a, b, c, d, e] = self.0.map(number);
        let server = server.map_or_else(none, |of| bytes(of * 1e6));
        [name.to_owned(), a, b, c, d, e, server, self.million()]
    }

    fn million(&self) -> String {
        let known = self.all();
        known.map_or_else(
            || "–".to_owned(),
            |(sign, of)| format!("{sign}{}", bytes(of * 1e6)),
        )
    }

    fn tip(&self) -> String {
        let known = |part: Option<f64>| part.map_or_else(|| "an unknown part".to_owned(), bytes);
        let Some((sign, all)) = self.all() else {
            return "no figure".to_owned();
        };
        format!(
            "{} of {sign}{} are the server's own, {} with the kernel's part of its end; for a million \
             connections {} in all",
            known(self.0[0]),
            bytes(all),
            known(self.of_server()),
            self.million()
        )
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
        "kernel undivided, B",
        "server's, for a million",
        "all, for a million",
    ]);
    let mut bars = Vec::new();
    for model in view.by(USER, false) {
        let memory = model.report.summary.memory.as_ref();
        let parts = memory.map_or(Parts([None; 5]), Parts::of);
        table.row(parts.row(model.name()));
        let mark = model.mark(USER).or(model.mark(KERNEL));
        let tip = match memory {
            None => format!("{}: {}", model.name(), model.missing(USER)),
            Some(_) if mark.is_doubtful() => {
                format!("{}: {} ({})", model.name(), parts.tip(), mark.note())
            }
            Some(_) => format!("{}: {}", model.name(), parts.tip()),
        };
        bars.push(Bar {
            model: model.ink.model,
            name: model.name().to_owned(),
            text: match parts.all() {
                Some(_) => parts.million(),
                None => "no figure".to_owned(),
            },
            parts: parts.0.to_vec(),
            mark,
            tip,
        });
    }
    let is_undivided = bars.iter().any(|bar| bar.parts[4].is_some());
    let owners = if is_undivided {
        &OWNERS[..]
    } else {
        &OWNERS[..4]
    };
    let picture = Bars {
        title: title.to_owned(),
        axis: "kB per connection, which is GB for a million",
        parts: owners,
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
