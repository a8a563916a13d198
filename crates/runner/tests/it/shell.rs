//! What shells and `man` are given.

use crate::common::{runner, stdout};
use std::{fs, io::ErrorKind, process::Command};

#[test]
fn completions_know_subcommands_models_and_scenarios() {
    let dir = tempfile::tempdir().unwrap();
    // Those that are text to their shell in the same words.
    for shell in ["bash", "zsh", "fish"] {
        let output = runner().args(["completions", shell]).output().unwrap();
        let script = stdout(&output);
        for word in ["doctor", "completions", "epoll-edge", "million-idle"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let file = dir.path().join(shell);
        fs::write(&file, script).unwrap();
        match Command::new(shell).arg("-n").arg(&file).status() {
            Ok(status) => assert!(status.success(), "{shell} can't read it"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
    }
}

/// What a shell offers for a line, if there is that shell. Its program asks for the line's completions,
/// behind our script.
fn offered(shell: &str, asking: &str) -> Option<String> {
    let script = stdout(&runner().args(["completions", shell]).output().unwrap());
    let program = format!("{script}\n{asking}");
    match Command::new(shell).args(["-c", &program]).output() {
        Ok(output) => Some(stdout(&output)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            None
        }
    }
}

#[test]
fn bash_completes_a_list_behind_its_last_comma() {
    let asking = "COMP_WORDS=(runner --model tokio,epoll-e); COMP_CWORD=2
        _runner_lists runner tokio,epoll-e --model; echo \"${COMPREPLY[*]}\"";
    if let Some(offered) = offered("bash", asking) {
        assert_eq!(offered.trim(), "tokio,epoll-edge");
    }
}

#[test]
fn fish_completes_a_value_and_a_list_behind_its_last_comma() {
    for (line, expected) in [
        ("runner --model epoll-e", "epoll-edge"),
        ("runner --model tokio,epoll-e", "tokio,epoll-edge"),
        ("runner --scenario million-i", "million-idle"),
    ] {
        if let Some(offered) = offered("fish", &format!("complete -C '{line}'")) {
            assert_eq!(offered.trim(), expected, "{line}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_each_subcommand() {
    let page = stdout(&runner().arg("man").output().unwrap());
    assert!(
        page.contains(".TH runner 1") && page.contains("Exit codes"),
        "{page}"
    );
    let dir = tempfile::tempdir().unwrap();
    let status = runner().arg("man").arg(dir.path()).status().unwrap();
    assert!(status.success());
    let compare = fs::read_to_string(dir.path().join("runner-compare.1")).unwrap();
    assert!(compare.contains("threshold"), "{compare}");
    assert!(
        !dir.path().join("runner-guard.1").exists(),
        "not for people"
    );
}
