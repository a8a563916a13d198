//! How much `unsafe` each crate has: its `unsafe` blocks, functions, implementations, foreign blocks
//! and attributes, tests aside.

use crate::{crates, sources};
use std::{collections::BTreeMap, fs, path::Path};
use syn::{
    Item,
    visit::{self, Visit},
};

/// Where the table is.
const CODEMAP: &str = "../README.md";

/// The lines before and after it.
const BEGIN: &str = "<!-- unsafe: counted by `cargo test -p runner --test structure` -->";
const END: &str = "<!-- end of unsafe -->";

#[derive(Default)]
struct Unsafe(usize);

impl Unsafe {
    fn count(&mut self, is_unsafe: bool) {
        self.0 += usize::from(is_unsafe);
    }
}

impl<'ast> Visit<'ast> for Unsafe {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.count(true);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.count(signature.unsafety.is_some());
        visit::visit_signature(self, signature);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        self.count(match item {
            Item::Impl(one) => one.unsafety.is_some(),
            Item::Trait(one) => one.unsafety.is_some(),
            Item::ForeignMod(one) => one.unsafety.is_some(),
            _ => false,
        });
        visit::visit_item(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.count(attribute.path().is_ident("unsafe"));
    }

    // What a macro is given isn't parsed.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.0 += text
            .split(|c| !is_word(c))
            .filter(|&word| word == "unsafe")
            .count();
    }
}

fn counted() -> BTreeMap<String, usize> {
    let of = |directory: &Path| {
        let mut counted = Unsafe::default();
        for file in sources(&directory.join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            counted.visit_file(&syn::parse_file(&text).unwrap());
        }
        counted.0
    };
    let all = crates().into_iter().map(|directory| {
        let name = directory.file_name().unwrap().to_string_lossy();
        (name.into_owned(), of(&directory))
    });
    all.collect()
}

#[test]
fn the_codemap_says_how_much_unsafe_each_crate_has() {
    let counted = counted();
    for never in ["protocol", "report", "runner"] {
        assert_eq!(counted[never], 0, "{never} has none, whatever it is for");
    }
    let mut table = "| crate | `unsafe` |\n|---|---:|\n".to_owned();
    for (name, count) in counted.iter().filter(|(_, count)| **count > 0) {
        table += &format!("| `{name}` | {count} |\n");
    }
    let codemap = Path::new(env!("CARGO_MANIFEST_DIR")).join(CODEMAP);
    let text = fs::read_to_string(codemap).unwrap();
    let stands = text.split_once(BEGIN).unwrap().1.split_once(END).unwrap().0;
    assert_eq!(
        stands.trim(),
        table.trim(),
        "crates/README.md is to have:\n{table}"
    );
}

#[test]
fn every_kind_of_unsafe_is_counted() {
    let text = "unsafe fn a() { unsafe { b!(unsafe { c() }) } } unsafe impl D for E {} \
                unsafe extern \"C\" {} #[unsafe(no_mangle)] fn f() {} fn unsafely() {} \
                mod tests { fn g() { unsafe {} } }";
    let mut counted = Unsafe::default();
    counted.visit_file(&syn::parse_file(text).unwrap());
    assert_eq!(counted.0, 6);
}
