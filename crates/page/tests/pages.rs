//! Pages of usual and of odd runs: whole, of every model, and asking nobody for anything.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::Saved;
use report::{check::Status, run::Hold};

/// Elements that never end.
const VOID: [&str; 1] = ["meta"];

/// Every element that begins ends, and in the right place; nothing but text between them.
fn is_well_formed(page: &str) -> Result<usize, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut count = 0;
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').ok_or("a tag without end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let begun = open.pop();
            if begun != Some(name) {
                return Err(format!("{name} ends, where {begun:?} was to"));
            }
            continue;
        }
        count += 1;
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        if tag.matches('"').count() % 2 != 0 {
            return Err(format!("a quote too many in <{tag}>"));
        }
        if name == "script" || name == "style" {
            let (_, after) = rest
                .split_once(&format!("</{name}>"))
                .ok_or("a script without end")?;
            rest = after;
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    match open.as_slice() {
        [] => Ok(count),
        left => Err(format!("never ended: {left:?}")),
    }
}

/// What a browser would fetch.
fn requests(page: &str) -> Vec<&str> {
    let references = page
        .match_indices("href=\"")
        .chain(page.match_indices("src=\""));
    let values = references.map(|(at, begin)| &page[at + begin.len()..]);
    let values = values.filter_map(|text| text.split('"').next());
    let mut found: Vec<&str> = values.filter(|value| !value.starts_with('#')).collect();
    let style = page.split_once("</style>").map_or("", |(style, _)| style);
    found.extend(style.matches("@import"));
    let urls = style.split("url(").skip(1);
    found.extend(urls.filter(|url| !url.starts_with('#')));
    found
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn every_page_is_whole_and_asks_nobody() {
    let runs = [
        ("new", Saved::new()),
        ("older", Saved::older()),
        ("first", Saved::first()),
        ("smallest", Saved::smallest()),
        ("odd", Saved::odd()),
    ];
    for (what, saved) in runs {
        let page = saved.page();
        if let Err(error) = is_well_formed(&page) {
            panic!("{what}: {error}");
        }
        assert_eq!(requests(&page), [""; 0], "{what}");
        for report in &saved.models {
            let name = escaped(&report.model.name);
            assert!(page.contains(&name), "{what} lacks {name}");
        }
        let (drawn, _) = page.rsplit_once("<script>").unwrap();
        assert!(!drawn.contains("NaN") && !drawn.contains(">inf"), "{what}");
    }
}

#[test]
fn what_reports_bring_is_text() {
    let page = Saved::odd().page();
    assert!(!page.contains("<script>alert") && !page.contains("<b>main.rs"));
    assert!(
        page.contains("it never said &lt;ready&gt;"),
        "the reason is told"
    );
    assert!(page.contains("interrupted"));
}

/// Nobody but root is told whose the kernel's memory is: it is memory all the same.
#[test]
fn what_no_end_is_known_to_hold_is_in_the_sum() {
    let mut saved = Saved::new();
    let memory = saved.models[0].summary.memory.as_mut().unwrap();
    let owner = memory.by_owner.get_or_insert_default();
    owner.server_kernel_bytes_per_connection = None;
    owner.generator_kernel_bytes_per_connection = None;
    owner.generator_user_bytes_per_connection = Some(50.0);
    memory.kernel_bytes_per_connection = Some(7_000.0);
    let user = memory.user_bytes_per_connection.unwrap();
    let page = saved.page();
    assert!(page.contains("kernel, of whichever end"));
    let whole = chart::text::bytes((user + 7_050.0) * 1e6);
    assert!(
        page.contains(&format!("for a million connections {whole} in all")),
        "{whole}"
    );
}

#[test]
fn a_page_without_a_model_is_a_page() {
    let mut saved = Saved::new();
    saved.models.clear();
    saved.run.plan.models.clear();
    is_well_formed(&saved.page()).unwrap();
}

#[test]
fn reports_without_their_trials_are_drawn_from_summaries() {
    let mut saved = Saved::new();
    saved
        .models
        .iter_mut()
        .for_each(|report| report.trials.clear());
    let page = saved.page();
    is_well_formed(&page).unwrap();
    assert!(page.contains("came without their trials"));
    assert!(
        page.contains("no order can be told"),
        "nor are there comparisons"
    );
}

#[test]
fn the_answer_names_who_leads_and_what_not_to_conclude() {
    let page = Saved::new().page();
    let (_, answer) = page.split_once("id=\"r0-answer\"").unwrap();
    let (answer, _) = answer.split_once("</section>").unwrap();
    assert!(answer.contains("User memory per connection"), "{answer}");
    assert!(
        answer.contains("<strong>epoll</strong> is lowest"),
        "{answer}"
    );
    assert!(answer.contains("What not to conclude"), "{answer}");
    let place = |id: &str| page.find(&format!("<section id=\"r0-{id}\"")).unwrap();
    let order = [
        "answer", "verdicts", "memory", "rate", "times", "pairs", "course", "method",
    ];
    assert!(order.map(place).is_sorted(), "the order of the page");
}

#[test]
fn what_is_suspect_is_hatched_in_charts_and_in_the_table() {
    let mut saved = Saved::new();
    let figures = &mut saved.models[0].verdict.figures;
    let of = figures.get_mut("memory.user_bytes_per_connection").unwrap();
    of.status = report::check::Status::Invalid;
    of.because = Some("nobody was connected".to_owned());
    let page = saved.page();
    assert!(page.contains("class=\"row ink-0 invalid\""), "in a chart");
    assert!(page.contains("<td class=\"invalid"), "in the table");
    assert!(page.contains("nobody was connected"), "with its reason");
}

/// A run that was ended in its second block, with a figure that must not be believed.
#[test]
fn a_run_of_one_block_says_how_many_there_were_and_leaves_invalid_figures_out_of_ranges() {
    let mut saved = Saved::new();
    assert!(saved.page().contains(" · 6 blocks"), "all of them");
    saved.run.interrupted = true;
    let mut last = 2;
    for report in &mut saved.models {
        // Of the second block the first model alone has trials.
        report.trials.retain(|trial| trial.block <= last);
        last = 1;
        analysis::summary::conclude(report).unwrap();
    }
    for id in [
        "memory.user_bytes_per_connection",
        "memory.kernel_bytes_per_connection",
    ] {
        let of = saved.models[0].verdict.figures.get_mut(id).unwrap();
        of.status = report::check::Status::Invalid;
    }
    let page = saved.page();
    assert!(page.contains(" · 1 of 6 blocks"), "the header");
    let (answer, _) = page.split_once("What not to conclude").unwrap();
    let name = saved.models[0].model.name.as_str();
    let left_out = format!("Invalid, and left out: {name}.");
    assert!(answer.contains(&left_out), "{answer}");
    assert_eq!(page.matches("Suspect or invalid, see ").count(), 1);
    saved.models.truncate(1);
    assert!(!saved.page().contains("overall winner"), "of one model");
}

/// What can be told is told by the blocks of each figure's own load.
#[test]
fn blocks_that_were_made_again_for_one_load_leave_six_of_each() {
    const FEW: &str = "cannot tell models apart";
    let mut saved = Saved::made_again();
    let page = saved.page();
    assert!(page.contains(" · 6 blocks"), "the header");
    assert!(page.contains("<strong>epoll</strong> is lowest"));
    assert!(!page.contains(FEW), "beside words that say the opposite");
    // What lacks a block is one load, and that is what is said.
    for report in &mut saved.models {
        let trials = &mut report.trials;
        trials.retain(|trial| trial.block != 3 || trial.load.word() != "open");
        conclude(report).unwrap();
    }
    let page = saved.page();
    let few = format!("5 blocks of open load {FEW}");
    assert!(page.contains(&few), "of one load");
    assert!(page.contains("<strong>epoll</strong> is lowest"));
    let shown = render::table::explanation(&saved.models, &saved.run, false);
    let markdown = render::table::markdown(&saved.run, &saved.models);
    for text in [shown, markdown] {
        assert!(text.contains(": 5 blocks of open load"), "{text}");
    }
}

/// Of a model whose headline figures stand, one is suspect that decides.
#[test]
fn a_row_is_no_better_than_the_figures_in_it() {
    let mut saved = Saved::new();
    for report in &mut saved.models {
        report.verdict.status = Status::Valid;
        for (id, of) in &mut report.verdict.figures {
            let is_asked = id == "memory.user_bytes_per_connection";
            of.status = match is_asked {
                true => Status::Suspect,
                false => Status::Valid,
            };
        }
    }
    let page = saved.page();
    let (_, table) = page.split_once("<table class=\"scores").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    assert!(!table.contains(">valid<"), "{table}");
    let suspect = table.matches(">suspect<").count();
    assert_eq!(suspect, saved.models.len(), "{table}");
}

#[test]
fn one_block_has_no_range() {
    let page = Saved::smallest().page();
    let (_, answer) = page.split_once("id=\"r0-answer\"").unwrap();
    let (answer, _) = answer.split_once("</section>").unwrap();
    assert!(answer.contains("User memory per connection"), "{answer}");
    assert!(!answer.contains("(blocks: "), "{answer}");
}

#[test]
fn several_runs_stand_side_by_side() {
    let (one, other) = (Saved::new(), Saved::smallest());
    let page = page::page(&[(&one.run, &one.models), (&other.run, &other.models)]);
    is_well_formed(&page).unwrap();
    assert!(page.contains("Side by side") && page.contains("id=\"r1-answer\""));
    assert!(page.contains("that one of the runs alone has."));
}

/// The bound is 2 MB for 15 models; these have a few blocks fewer than most runs.
#[test]
fn fifteen_models_fit_into_two_megabytes() {
    let page = Saved::many().page();
    is_well_formed(&page).unwrap();
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(
        page.contains("dash-1"),
        "hues are used twice, in another way"
    );
}

/// WCAG 2.2, 1.4.3: contrast of text at least 4.5:1; 1.4.11: of what is drawn at least 3:1.
#[test]
fn text_stands_out_from_every_ground_in_light_and_in_dark() {
    let light = include_str!("../assets/light.css");
    let dark = include_str!("../assets/dark.css");
    for (what, scheme) in [("light", light), ("dark", dark)] {
        let ground = |name: &str| luminance(scheme, name);
        for text in [
            "fg", "soft", "link", "valid", "suspect", "invalid", "missing",
        ] {
            for behind in ["bg", "ground"] {
                let contrast = contrast(ground(text), ground(behind));
                assert!(contrast >= 4.5, "{what}: {text} on {behind}: {contrast}");
            }
        }
        assert!(contrast(ground("fg"), ground("warm")) >= 4.5, "{what}");
        for hue in 0..8 {
            let contrast = contrast(ground(&format!("c{hue}")), ground("bg"));
            assert!(contrast >= 3.0, "{what}: hue {hue}: {contrast}");
        }
    }
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance of a variable's colour, as WCAG defines it.
fn luminance(scheme: &str, name: &str) -> f64 {
    let (_, after) = scheme.split_once(&format!("--{name}: #")).unwrap();
    let part = |at: usize| {
        let value = u8::from_str_radix(&after[at..at + 2], 16).unwrap();
        let share = f64::from(value) / 255.0;
        match share <= 0.04045 {
            true => share / 12.92,
            false => ((share + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn the_page_of_a_run_that_goes_on_reloads_itself_and_a_finished_one_does_not() {
    let mut saved = Saved::new();
    // As a run is noted until its last block is done.
    saved.run.interrupted = true;
    for models in [&saved.models[..], &[]] {
        let page = page::unfinished(&saved.run, models);
        is_well_formed(&page).unwrap();
        assert!(page.contains("http-equiv=\"refresh\"") && page.contains("The run goes on"));
        assert!(!page.contains("interrupted"), "it isn't");
    }
    assert!(!saved.page().contains("http-equiv=\"refresh\""));
}

#[test]
fn a_front_page_links_the_page_of_each_run_and_says_what_came_of_it() {
    let runs = [("2026-11-29", Saved::new()), ("a #1?", Saved::odd())];
    let entries: Vec<page::Entry<'_>> = runs
        .iter()
        .map(|(directory, saved)| page::Entry {
            directory,
            run: &saved.run,
            models: &saved.models,
        })
        .collect();
    let front = page::front(&entries);
    is_well_formed(&front).unwrap();
    let links = ["2026-11-29/report.html", "a%20%231%3F/report.html"];
    assert_eq!(requests(&front), links);
    for (_, saved) in &runs {
        assert!(front.contains(&escaped(&saved.run.run)));
        let page = saved.page();
        let (_, answer) = page.split_once("<ul class=\"answer\">").unwrap();
        let (first, _) = answer.split_once("</li>").unwrap();
        assert!(front.contains(first), "{first}");
    }
}

#[test]
fn pictures_are_files_that_need_nothing_beside_them() {
    let saved = Saved::many();
    let pictures = page::pictures(&saved.run, &saved.models);
    let names: Vec<&str> = pictures.iter().map(|(name, _)| &**name).collect();
    for name in ["memory", "load"] {
        for theme in ["light", "dark"] {
            assert!(
                names.contains(&&*format!("{name}-{theme}.svg")),
                "{names:?}"
            );
        }
    }
    for (name, svg) in &pictures {
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
        assert_eq!(svg.matches("http").count(), 1, "{name} asks for something");
        for report in &saved.models {
            assert!(svg.contains(&report.model.name), "{name}");
        }
    }
}

/// Also where the options of a run went before its scenario.
#[test]
fn the_command_makes_the_same_run_again() {
    let mut saved = Saved::new();
    let plan = &mut saved.run.plan;
    plan.scenario = Some("soak".to_owned());
    plan.workload = "echo;x".to_owned();
    let top = plan.loads[0].connections_max();
    plan.loads[0].hold = Some(Hold {
        length_us: 90_000_000,
        replaced_share: 0.01,
    });
    let page = saved.page();
    let (_, command) = page.split_once("To make it again").unwrap();
    let (command, _) = command.split_once("</pre>").unwrap();
    for part in [
        "--scenario soak".to_owned(),
        format!("--connections {top}"),
        "--hold 90".to_owned(),
        // It is copied into a shell, and may be anybody's.
        "--workload 'echo;x'".to_owned(),
    ] {
        assert!(command.contains(&part), "{part}: {command}");
    }
}
