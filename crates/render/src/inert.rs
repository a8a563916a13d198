//! Markdown that does nothing: what a report says may be anybody's text, and Markdown may hold HTML.

/// What our own Markdown has of HTML.
const TAGS: [&str; 5] = ["<br>", "<details>", "</details>", "<summary>", "</summary>"];

/// The same text with no other tag in it, no picture, and no link but an address that shows itself.
pub(crate) fn inert(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let is_ours = TAGS.iter().any(|tag| from.starts_with(tag));
        let opens = |next: char| next.is_ascii_alphabetic() || "/!?".contains(next);
        let is_tag = !is_ours && from[1..].starts_with(opens);
        text.push_str(if is_tag { "&lt;" } else { "<" });
        rest = &from[1..];
    }
    text.push_str(rest);
    let text = text.replace("](", "]&#40;").replace("][", "]&#91;");
    let lines = text.split('\n').map(without_definition);
    lines.collect::<Vec<String>>().join("\n")
}

/// A line that says where references lead to, wherever it is quoted or listed, says nothing then.
fn without_definition(line: &str) -> String {
    let is_before = |c: char| c.is_whitespace() || c.is_ascii_digit() || ">-*+.)".contains(c);
    match line.trim_start_matches(is_before).starts_with('[') {
        true => line.replace("]:", "]&#58;"),
        false => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_links_and_pictures_of_others_are_text() {
        for (markdown, shown) in [
            ("a <= 3<br>x < y", "a <= 3<br>x < y"),
            ("<script>x</script>", "&lt;script>x&lt;/script>"),
            (
                "<br onload=x><!-- <details>",
                "&lt;br onload=x>&lt;!-- <details>",
            ),
            ("![](http://x) [1, 2]", "![]&#40;http://x) [1, 2]"),
            (
                "![x] at [::1]:80\n> - [x]: http://x",
                "![x] at [::1]:80\n> - [x]&#58; http://x",
            ),
            ("<", "<"),
        ] {
            assert_eq!(inert(markdown), shown);
        }
    }
}
