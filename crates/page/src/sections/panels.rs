//! Equal charts, one for each model, with all the others behind it.

use chart::{Curve, Lines, Scale, Table, captioned, path};
use maud::{Markup, html};
use view::{Seen, View};

/// Of each of them.
pub(crate) const HEIGHT: f64 = 200.0;

/// The curves of all models, drawn once and used behind each.
pub(crate) struct Context {
    pub(crate) defs: Markup,
    id: String,
}

impl Context {
    /// Each model's points, to be drawn on these axes.
    pub(crate) fn of(
        id: &str,
        shapes: Vec<(usize, Vec<(f64, f64)>)>,
        x: &Scale,
        y: &Scale,
    ) -> Self {
        let shapes = shapes.into_iter().map(|(model, points)| {
            let places: Vec<_> = points
                .iter()
                .map(|(a, b)| (x.place(*a), y.place(*b)))
                .collect();
            html! { path data-m=(model) d=(path(&places)) {} }
        });
        let shapes: Vec<Markup> = shapes.collect();
        let defs = html! {
            svg.defs aria-hidden="true" { defs { g id=(id) { @for shape in &shapes { (shape) } } } }
        };
        Self {
            defs,
            id: id.to_owned(),
        }
    }

    fn used(&self) -> Markup {
        html! { g.others { use href={ "#" (self.id) } {} } }
    }
}

/// What stands in one of several equal charts.
pub(crate) struct Panel<'a> {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) curves: Vec<Curve>,
    pub(crate) x_name: &'a str,
    pub(crate) y_name: &'a str,
    pub(crate) x_tick: &'a dyn Fn(f64) -> String,
    pub(crate) y_tick: &'a dyn Fn(f64) -> String,
    pub(crate) says: &'a str,
    /// Said where there is no curve.
    pub(crate) missing: &'a str,
}

/// The chart of one model, or why there is none.
pub(crate) fn panel(
    view: &View<'_>,
    model: &Seen<'_>,
    context: &Context,
    panel: Panel<'_>,
    table: &Table,
) -> Markup {
    let name = model.name();
    if panel.curves.is_empty() {
        let reason = model
            .report
            .failure
            .as_ref()
            .map(|failure| failure.reason.as_str());
        let reason = reason.unwrap_or(panel.missing);
        return html! {
            div.panel data-m=(model.ink.model) {
                figure.chart { figcaption { strong { (name) } } p.missing { (reason) } }
            }
        };
    }
    let picture = Lines {
        title: name.to_owned(),
        says: panel.says.to_owned(),
        height: HEIGHT,
        x: panel.x,
        y: panel.y,
        x_name: panel.x_name,
        y_name: panel.y_name,
        x_tick: panel.x_tick,
        y_tick: panel.y_tick,
        behind: if view.models.len() > 1 {
            context.used()
        } else {
            html! {}
        },
        curves: panel.curves,
        levels: Vec::new(),
    };
    html! { div.panel data-m=(model.ink.model) { (captioned(name, "", &picture.draw(), table)) } }
}
