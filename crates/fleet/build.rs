//! Puts everything that two machines have to agree on into one text: what ranks say to each other, and
//! the types that this is made of, with every file that there is or will be.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Files, or directories with all that is in them.
const AGREED: [&str; 3] = ["src/messages.rs", "../protocol/src", "../report/src"];

fn main() -> io::Result<()> {
    let mut text = String::new();
    for place in AGREED {
        println!("cargo::rerun-if-changed={place}");
        for file in files(Path::new(place))? {
            text.push_str(&fs::read_to_string(file)?);
        }
    }
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("agreed.txt"), text)
}

/// In an order that every machine has.
fn files(place: &Path) -> io::Result<Vec<PathBuf>> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let entries = fs::read_dir(place)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let nested = entries.iter().map(|entry| files(entry));
    Ok(nested.collect::<io::Result<Vec<_>>>()?.concat())
}
