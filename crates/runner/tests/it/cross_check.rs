//! `scripts/cross-check` holds the runner against other tools: here against one that fails.

use crate::common::{stderr, stdout};
use std::{env, fs, os::unix::fs::PermissionsExt as _, process::Command};

/// Measures a server that isn't there, through the script's own functions.
const MEASURES: &str = r#"
import sys
from importlib.machinery import SourceFileLoader
from types import SimpleNamespace

script = SourceFileLoader("cross_check", sys.argv[1]).load_module()
script.ARGS = SimpleNamespace(connections=1, seconds=1, rate=1)
server = SimpleNamespace(port=1, requests=lambda: 0, cpu_s=lambda: 0)
print(script.watched(server, getattr(script, sys.argv[2])))
"#;

#[test]
fn a_tool_that_fails_has_the_last_word() {
    let bin = tempfile::tempdir().unwrap();
    let taskset = bin.path().join("taskset");
    fs::write(&taskset, "#!/bin/sh\necho no such server >&2\nexit 3\n").unwrap();
    fs::set_permissions(&taskset, fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = bin.path().as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    for tool in ["by_wrk", "by_oha"] {
        let output = Command::new("python3")
            .args(["-W", "ignore", "-B", "-c", MEASURES])
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../scripts/cross-check"
            ))
            .arg(tool)
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert!(said.contains("no such server\n"), "{said}");
        assert!(said.contains("failed with 3: taskset -c 1 "), "{said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
}
