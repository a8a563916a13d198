//! What the kernel, or whoever shows a container its /proc, says in files.

use procfs::{
    FromBufReadSI as _, FromRead as _, current_system_info, net::TcpNetEntries, process::Status,
};
use pseudofiles::{
    cgroup, counters,
    cpus::Cpus,
    process::Stat,
    settings::{self, field, is_built_in, range_length, words},
};

/// Two readings of /proc/stat. Between a reading and itself nothing was done.
pub fn cpu_times(input: &[u8]) {
    let [first, second] = two_texts(input);
    let (from, to) = (Cpus::parse(&first), Cpus::parse(&second));
    let _ = from.until(&to, None).map(|ticks| ticks.all());
    let _ = from.until(&to, Some(&[0, 1])).map(|ticks| ticks.all());
    let nothing = from.until(&from, None).map_or(0, |ticks| ticks.all());
    assert_eq!(nothing, 0);
}

/// /proc/PID/stat. A name is one that stands in it.
pub fn process_stat(input: &[u8]) {
    let text = text(input);
    if let Some(stat) = Stat::parse(&text) {
        assert!(text.contains(&format!("({})", stat.name)));
        let _ = stat.ticks.and(&stat.ticks).all();
    }
}

/// /proc/self/cgroup and /proc/self/mountinfo. Each group is the parent of the one before it.
pub fn groups(input: &[u8]) {
    let [cgroup, mountinfo] = two_texts(input);
    for controller in ["cpu", "memory", "pids"] {
        let places = cgroup::places(&cgroup, &mountinfo, controller);
        for pair in places.windows(2) {
            assert!(pair[0].directory.starts_with(&pair[1].directory));
            assert!(pair[0].name.starts_with(&pair[1].name));
        }
    }
}

/// Files of a group.
pub fn group_files(input: &[u8]) {
    let text = text(input);
    if let Some(cpus) = cgroup::quota_cpus(&text) {
        assert!(cpus.is_finite() && cpus >= 0.0);
    }
    let _ = cgroup::throttled_us(&text);
    let _ = cgroup::inactive_file_bytes(&text);
    let _ = cgroup::value_of(&text, "oom");
}

/// Counters of the network, of memory, of pressure.
pub fn counts(input: &[u8]) {
    let text = text(input);
    let _ = counters::paired_value(&text, "TcpExt:", "ListenOverflows");
    let _ = counters::sockstat_tcp(&text, "mem");
    let _ = counters::memory_bytes(&text, "MemTotal");
    let _ = counters::some_total_us(&text);
    let _ = counters::waited_for_cpu(&text);
    let caches = counters::slab_by_cache(&text, 4096);
    assert!(caches.values().all(|&bytes| bytes > 0));
}

/// Settings. A list has a bound, and words put together are still those words.
pub fn values(input: &[u8]) {
    let text = text(input);
    let _ = field(&text, "model name");
    let _ = range_length(&text);
    let _ = is_built_in(&text, "CONFIG_IRQ_TIME_ACCOUNTING");
    assert!(settings::numbers(&text).len() <= 65_536);
    assert_eq!(words(&words(&text)), words(&text));
}

/// What procfs reads for us.
pub fn by_procfs(input: &[u8]) {
    let _ = TcpNetEntries::from_buf_read(input, current_system_info());
    let _ = Status::from_read(input);
}

/// What comes before the first byte of zeros, and what after it.
fn two_texts(input: &[u8]) -> [String; 2] {
    let middle = input.iter().position(|&byte| byte == 0);
    let (first, second) = input.split_at(middle.unwrap_or(input.len()));
    [text(first), text(second.get(1..).unwrap_or_default())]
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}
