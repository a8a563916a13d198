//! Fields, lists and ranges, as settings have them.

/// More than there are of anything that has such a list: CPUs, nodes.
const NUMBERS_MAX: usize = 65_536;

/// The value behind `name :` in a file such as /proc/meminfo.
pub fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Its words, apart by one space.
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Numbers of a list such as `0-3,8,10-11`; at most 65,536 of them.
pub fn numbers(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    };
    let ranges = list.trim().split(',').filter_map(range);
    ranges.flatten().take(NUMBERS_MAX).collect()
}

/// How many there are from a first to a last, as in ip_local_port_range.
pub fn range_length(range: &str) -> Option<u32> {
    let mut words = range.split_whitespace().map(str::parse::<u32>);
    let (first, last) = (words.next()?.ok()?, words.next()?.ok()?);
    Some(last.saturating_add(1).saturating_sub(first))
}

/// Whether an option of the kernel's configuration is built in.
pub fn is_built_in(configuration: &str, option: &str) -> bool {
    let mut lines = configuration.lines();
    lines.any(|line| line.strip_prefix(option) == Some("=y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "MemTotal:       1024 kB\nMem:  1 kB\nflags\t\t: fpu hypervisor\n";
        assert_eq!(field(text, "Mem").as_deref(), Some("1 kB"));
        assert_eq!(field(text, "flags").as_deref(), Some("fpu hypervisor"));
        assert_eq!(field(text, "Swap"), None);
        assert_eq!(words(" 4096\t87380 6291456\n"), "4096 87380 6291456");
    }

    #[test]
    fn lists_and_ranges_are_the_kernels() {
        assert_eq!(numbers("0-2,8\n"), [0, 1, 2, 8]);
        assert!(numbers("\n").is_empty());
        assert!(numbers("3-1,x,-,1-").is_empty());
        assert_eq!(range_length("40000\t45000\n"), Some(5_001));
        assert_eq!(range_length("9 1"), Some(0));
        assert_eq!(range_length("many"), None);
        assert_eq!(range_length("0 4294967295"), Some(u32::MAX));
    }

    #[test]
    fn a_list_without_end_is_cut_off() {
        assert_eq!(numbers("0-18446744073709551615,7").len(), NUMBERS_MAX);
    }

    #[test]
    fn an_option_is_set_when_it_says_so() {
        let option = "CONFIG_IRQ_TIME_ACCOUNTING";
        let text = "CONFIG_HAVE_IRQ_TIME_ACCOUNTING=y\n# CONFIG_IRQ_TIME_ACCOUNTING is not set\n";
        assert!(!is_built_in(text, option));
        assert!(is_built_in("X=y\nCONFIG_IRQ_TIME_ACCOUNTING=y\n", option));
    }
}
