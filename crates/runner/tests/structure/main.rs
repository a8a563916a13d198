//! The house rules that a machine can hold: no circle of imports, crates that fit the head, a
//! sentence for each.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod unsafe_code;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{
    Item, UseTree,
    visit::{self, Visit},
};

/// Lines of a crate's sources, with their unit tests, at most.
const LINES_MAX: usize = 3_500;
const LINES_MAX_OF_RUNNER: usize = 4_000;

/// A module's path inside its crate: empty for the root.
type Module = Vec<String>;

fn crates() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = fs::read_dir(all).unwrap().flatten().map(|e| e.path());
    all.filter(|path| path.join("Cargo.toml").is_file())
        .collect()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn module_of(file: &Path, src: &Path) -> Module {
    let path = file.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Module = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.len() == 1 && ["lib", "main"].contains(&parts[0].as_str()) {
        parts.clear();
    }
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// Every path that one file names, as far as it leads into its own crate.
struct Paths {
    own: Module,
    children: BTreeSet<String>,
    found: Vec<Module>,
}

impl Paths {
    fn of(file: &Path, own: Module) -> Self {
        let parsed = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        let children = parsed.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
            _ => None,
        });
        let mut paths = Self {
            own,
            children: children.collect(),
            found: Vec::new(),
        };
        paths.visit_file(&parsed);
        paths
    }

    fn take(&mut self, path: &[String]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let mut from = self.own.clone();
        match first.as_str() {
            "crate" => from.clear(),
            "self" => {}
            "super" => {
                from.pop();
                let mut rest = rest;
                while let Some((first, more)) = rest.split_first()
                    && first == "super"
                {
                    from.pop();
                    rest = more;
                }
                from.extend_from_slice(rest);
                self.found.push(from);
                return;
            }
            child if self.children.contains(child) => from.push(first.clone()),
            _ => return,
        }
        from.extend_from_slice(rest);
        self.found.push(from);
    }

    fn take_tree(&mut self, tree: &UseTree, before: &[String]) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(one) => {
                path.push(one.ident.to_string());
                self.take_tree(&one.tree, &path);
            }
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.take_tree(tree, &path)),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.take(&path);
            }
            UseTree::Rename(name) => {
                path.push(name.ident.to_string());
                self.take(&path);
            }
            UseTree::Glob(_) => self.take(&path),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // A file's own tests may use whatever they test.
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.take_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1 {
            self.take(&segments);
        }
        visit::visit_path(self, path);
    }
}

/// Imports between the places of each folder, where a place is a file or a folder with all in it.
/// A folder's own file (`mod.rs`, `lib.rs`, or the file that is called like it) is a place in it.
fn imports(src: &Path) -> BTreeMap<Module, BTreeSet<(String, String)>> {
    let files = sources(src);
    let modules: BTreeSet<Module> = files.iter().map(|file| module_of(file, src)).collect();
    let mut folders: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for file in &files {
        let from = module_of(file, src);
        for path in Paths::of(file, from.clone()).found {
            let to = (0..=path.len()).rev().map(|n| path[..n].to_vec());
            let Some(to) = to.into_iter().find(|module| modules.contains(module)) else {
                continue;
            };
            if to == from {
                continue;
            }
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            let place = |module: &Module| {
                module
                    .get(common)
                    .map_or("(own)", String::as_str)
                    .to_owned()
            };
            let folder = folders.entry(from[..common].to_vec()).or_default();
            folder.insert((place(&from), place(&to)));
        }
    }
    folders
}

/// Places that lead back to themselves.
fn in_circles(imports: &BTreeSet<(String, String)>) -> Vec<String> {
    let reachable = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(place) = next.pop() {
            let further = imports.iter().filter(|(a, _)| *a == place);
            for (_, to) in further {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let places: BTreeSet<&String> = imports.iter().map(|(from, _)| from).collect();
    let circular = places
        .into_iter()
        .filter(|place| reachable(place).contains(*place));
    circular.cloned().collect()
}

#[test]
fn no_imports_go_in_a_circle() {
    let mut circles = Vec::new();
    for directory in crates() {
        let src = directory.join("src");
        for (folder, imports) in imports(&src) {
            let places = in_circles(&imports);
            if !places.is_empty() {
                let name = directory.file_name().unwrap().to_string_lossy();
                let folder = folder.join("/");
                circles.push(format!("{name}/src/{folder}: {}", places.join(", ")));
            }
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("lib.rs", "mod a; mod b; mod c; pub use a::A;");
    write("a.rs", "use crate::b::B; pub struct A(B);");
    write("b.rs", "pub struct B; fn b() { super::c::c() }");
    write("c.rs", "pub fn c() {} mod tests { use crate::a::A; }");
    let root = Module::new();
    assert_eq!(in_circles(&imports(directory.path())[&root]), [""; 0]);
    write("c.rs", "pub fn c() { crate::a::A::new() }");
    assert_eq!(
        in_circles(&imports(directory.path())[&root]),
        ["a", "b", "c"]
    );
    write("c.rs", "pub fn c() -> crate::A { todo!() }");
    let through_the_facade = in_circles(&imports(directory.path())[&root]);
    assert_eq!(through_the_facade, ["(own)", "a", "b", "c"]);
}

#[test]
fn every_crate_fits_the_head() {
    for directory in crates() {
        let name = directory
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let lines: usize = sources(&directory.join("src"))
            .iter()
            .map(|file| fs::read_to_string(file).unwrap().lines().count())
            .sum();
        let most = match name.as_str() {
            "runner" => LINES_MAX_OF_RUNNER,
            _ => LINES_MAX,
        };
        assert!(
            lines <= most,
            "{name} has {lines} lines, and may have {most}"
        );
    }
}

#[test]
fn a_sentence_says_what_a_crate_is() {
    for directory in crates() {
        let src = directory.join("src");
        let root = ["lib.rs", "main.rs"].map(|name| src.join(name));
        let root = root.iter().find(|root| root.is_file()).unwrap();
        let text = fs::read_to_string(root).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let shown = root.display();
        // Models describe a loop, in as many sentences as that takes.
        let is_model = directory
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("model-");
        if is_model && !directory.ends_with("model-kit") {
            assert!(first.starts_with("//! "), "{shown}: {first}");
            continue;
        }
        assert!(
            first.starts_with("//! ") && first.ends_with('.') && !first.contains(" and "),
            "{shown}: its first line is to be a sentence without \"and\": {first}"
        );
    }
}
