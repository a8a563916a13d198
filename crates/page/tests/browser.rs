//! Pages in a real browser: they log no error, nothing overflows at any width, the script sorts and
//! hides, and without it all is there. It takes Chromium, which .ci/run installs.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::Saved;
use std::{env, fs, process::Command};
use tempfile::TempDir;

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Widths of a phone, a tablet and a desk.
const WIDTHS: [u32; 3] = [390, 800, 1600];

/// Told by the page to the one that it is framed in. Beside what overflows: what the script does to the
/// first table and to the first model.
const PROBE: &str = r#"
addEventListener("load", () => {
  const problems = window.problems ?? [];
  const all = [...document.querySelectorAll("details")];
  all.forEach((one) => { one.removeAttribute("name"); one.open = true; });
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((one) =>
      one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, .defs"));
    problems.push("overflows: " + wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" "));
  }
  for (const text of document.querySelectorAll("svg text")) {
    const [inner, outer] = [text, text.ownerSVGElement].map((one) => one.getBoundingClientRect());
    if (inner.width > 0 && (inner.right > outer.right + 2 || inner.left < outer.left - 2)) {
      problems.push("cut off: " + text.textContent + " in " + (text.ownerSVGElement.getAttribute("aria-label") ?? "a trial").slice(0, 60));
    }
  }
  const empty = [...document.querySelectorAll(".chart > svg")].filter((one) => one.getBoundingClientRect().height < 40);
  if (empty.length > 0) problems.push(empty.length + " empty charts");
  const button = document.querySelector("[data-hides]");
  if (button) {
    button.click();
    const shown = [...document.querySelectorAll(`[data-m="${button.dataset.hides}"]`)].filter((one) =>
      one.getClientRects().length > 0);
    if (shown.length > 0) problems.push("not hidden: " + shown[0].outerHTML.slice(0, 120));
    button.click();
  }
  const table = document.querySelector("table.scores");
  if (table && table.tBodies[0].rows.length > 1) {
    const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
    table.tHead.rows[0].cells[0].querySelector("button").click();
    const sorted = [...names()].sort((a, b) => a.localeCompare(b));
    if (names().join() !== sorted.join()) problems.push("not sorted: " + names().join());
  }
  const charts = document.querySelectorAll(".chart > svg, .trials svg").length;
  parent.postMessage({ width: innerWidth, charts, problems }, "*");
});
"#;

const LISTEN: &str = r#"
addEventListener("message", (event) => {
  const line = document.createElement("p");
  line.className = "told";
  line.textContent = JSON.stringify(event.data);
  document.body.append(line);
});
"#;

/// `None` where there is no browser, outside of CI.
fn browser() -> Option<&'static str> {
    let answers = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let found = BROWSERS.iter().find(answers).copied();
    if found.is_none() {
        let missing = "needs Chromium: apt-get install --no-install-recommends chromium";
        assert!(env::var_os("CI").is_none(), "{missing}");
        println!("not tested: it {missing}");
    }
    found
}

/// What the browser makes of a file with networking off, and what it logs.
fn dump(browser: &str, file: &str) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr"])
        // Every name fails to resolve, and there is no proxy.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--no-proxy-server"])
        .args(["--virtual-time-budget=20000", "--window-size=1700,1000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{file}"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn write(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The page with a script that looks at it, in a frame of each width.
fn look(browser: &str, page: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let early = "<script>window.problems = []; addEventListener('error', (e) => problems.push('error: ' + e.message));</script>";
    let page = page.replacen("<head>", &format!("<head>{early}"), 1);
    let page = page.replace("</body>", &format!("<script>{PROBE}</script></body>"));
    write(&directory, "page.html", &page);
    let frames: String = WIDTHS
        .iter()
        .map(|width| format!("<iframe src=page.html width={width} height=900></iframe>"))
        .collect();
    let outer = format!("<!DOCTYPE html><body><script>{LISTEN}</script>{frames}</body>");
    let outer = write(&directory, "outer.html", &outer);
    let (seen, logged) = dump(browser, &outer);
    assert!(!logged.contains("CONSOLE"), "{logged}");
    let told = seen.split("<p class=\"told\">").skip(1);
    told.filter_map(|line| line.split("</p>").next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn nothing_overflows_and_the_script_does_its_work() {
    let Some(browser) = browser() else { return };
    let runs = [
        ("many", Saved::many()),
        ("odd", Saved::odd()),
        ("first", Saved::first()),
    ];
    for (what, saved) in runs {
        let page = saved.page();
        let told = look(browser, &page);
        assert_eq!(told.len(), WIDTHS.len(), "{what}: {told:?}");
        for line in &told {
            assert!(line.contains("\"problems\":[]"), "{what}: {line}");
            assert!(!line.contains("\"charts\":0,"), "{what}: {line}");
        }
        for width in WIDTHS {
            let wanted = format!("\"width\":{width},");
            assert!(told.iter().any(|line| line.contains(&wanted)), "{told:?}");
        }
    }
}

#[test]
fn without_the_script_all_is_there() {
    let Some(browser) = browser() else { return };
    let directory = tempfile::tempdir().unwrap();
    let saved = Saved::new();
    let page = saved.page();
    // What is switched off altogether can't be asked what it sees; what is forbidden can.
    let forbid = "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'\">";
    let forbidden = page.replacen("<head>", &format!("<head>{forbid}"), 1);
    let file = write(&directory, "page.html", &forbidden);
    let (seen, _) = dump(browser, &file);
    assert!(!seen.contains("class=\"scripted\""), "nothing ran");
    assert_eq!(seen.matches("<svg").count(), page.matches("<svg").count());
    for report in &saved.models {
        let name = &report.model.name;
        assert_eq!(seen.matches(name).count(), page.matches(name).count());
    }
}
