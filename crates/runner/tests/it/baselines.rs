//! `--save-baseline` and `--baseline`.

use crate::common::{Fixture, stderr};

#[test]
fn a_run_is_kept_and_a_later_one_is_held_against_it() {
    let fixture = Fixture::new();
    let run = |args: &[&str]| {
        let args = [&["--load", "idle"], args].concat();
        let output = fixture.run("good", &args);
        (output.status.code(), stderr(&output))
    };
    let (code, said) = run(&["--baseline", "main"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--save-baseline keeps"), "{said}");
    // The second takes the first one's place.
    for _ in 0..2 {
        let (code, said) = run(&["--save-baseline", "main"]);
        assert_eq!(code, Some(0), "{said}");
    }
    let kept = fixture.out().join("baselines");
    assert_eq!(kept.read_dir().unwrap().count(), 1, "nothing is left");
    let (code, said) = run(&["--baseline", "mian"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there are: main"), "{said}");
    let (code, said) = run(&["--baseline", "../main"]);
    assert_eq!(code, Some(2), "{said}");
    let before = fixture.out().read_dir().unwrap().count();
    let (code, said) = run(&["--baseline", "main", "--payload", "1000"]);
    assert_eq!(code, Some(2), "{said}");
    let differs = "payload_bytes is 64 in the baseline, 1000 in the candidate";
    assert!(said.contains(differs), "{said}");
    let after = fixture.out().read_dir().unwrap().count();
    assert_eq!(after, before, "that is heard before the run");
    let (code, said) = run(&["--baseline", "main"]);
    assert_eq!(code, Some(5), "two runs tell nothing of each other: {said}");
    assert!(said.contains("user memory"), "{said}");
}
