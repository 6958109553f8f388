//! Writes the modules that the WebAssembly core specification's tests assert to be malformed or invalid, in their binary
//! form: `cargo run -- DATA_FOLDER... > refused.txt`, a line each of `file:line kind base64 message`.
use std::collections::BTreeSet;
use std::io::Write;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, Wat};

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let n = (chunk[0] as u32) << 16 | (*chunk.get(1).unwrap_or(&0) as u32) << 8 | *chunk.get(2).unwrap_or(&0) as u32;
        for i in 0..4 {
            if i <= chunk.len() { text.push(ALPHABET[(n >> (18 - 6 * i) & 63) as usize] as char) } else { text.push('=') }
        }
    }
    text
}

fn main() {
    let mut seen = BTreeSet::new();
    let mut skipped = 0;
    let mut files = Vec::new();
    for root in std::env::args().skip(1) {
        let mut folders = vec![std::path::PathBuf::from(root)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else if path.extension().is_some_and(|e| e == "wast") { files.push(path) }
            }
        }
    }
    files.sort();
    let out = std::io::stdout();
    let mut out = out.lock();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lexer = wast::lexer::Lexer::new(&text);
        lexer.allow_confusing_unicode(true);
        let Ok(buffer) = ParseBuffer::new_with_lexer(lexer) else { eprintln!("cannot read {}", path.display()); continue };
        let Ok(wast) = parser::parse::<Wast>(&buffer) else { eprintln!("cannot parse {}", path.display()); continue };
        for directive in wast.directives {
            let line = directive.span().linecol_in(&text).0 + 1;
            let (kind, module, message) = match directive {
                WastDirective::AssertMalformed { module, message, .. } => ("malformed", module, message),
                WastDirective::AssertInvalid { module, message, .. } => ("invalid", module, message),
                _ => continue,
            };
            // What is malformed as text only has no binary form.
            let bytes = match module {
                QuoteWat::Wat(Wat::Module(mut module)) => module.encode().ok(),
                _ => None,
            };
            let Some(bytes) = bytes else { skipped += 1; continue };
            if !seen.insert(bytes.clone()) { continue }
            let name = path.file_stem().unwrap().to_str().unwrap();
            writeln!(out, "{name}:{line} {kind} {} {message}", base64(&bytes)).unwrap();
        }
    }
    eprintln!("{} modules, {} without a binary form", seen.len(), skipped);
}
