//! Writes what the WebAssembly core specification's tests hold, as lines, modules in their binary form:
//!
//! `cargo run -- refused DATA_FOLDER...`: modules asserted to be malformed or invalid, each once, as
//! `file:line kind base64 message`.
//!
//! `cargo run -- accepted DATA_FOLDER...`: `M base64` for each valid module of a file, followed by `I name arguments` for each
//! call of its exports that the tests make; name in hexadecimal, arguments as `type:value`, floats as their bits.
use std::collections::BTreeSet;
use std::path::PathBuf;
use wast::core::WastArgCore;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, Wat};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| *chunk.get(at).unwrap_or(&0) as u32;
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(if at <= chunk.len() { ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] as char } else { '=' });
        }
    }
    text
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn files(roots: impl Iterator<Item = String>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = roots.map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else if path.extension().is_some_and(|extension| extension == "wast") {
                found.push(path)
            }
        }
    }
    found.sort();
    found
}

fn print_call(call: &WastInvoke) {
    let mut arguments = Vec::new();
    for argument in &call.args {
        arguments.push(match argument {
            WastArg::Core(WastArgCore::I32(value)) => format!("i32:{value}"),
            WastArg::Core(WastArgCore::I64(value)) => format!("i64:{value}"),
            WastArg::Core(WastArgCore::F32(value)) => format!("f32:{}", value.bits),
            WastArg::Core(WastArgCore::F64(value)) => format!("f64:{}", value.bits),
            WastArg::Core(WastArgCore::RefNull(_)) => "null:0".into(),
            WastArg::Core(WastArgCore::RefExtern(value)) => format!("extern:{value}"),
            _ => return,
        });
    }
    if call.module.is_none() {
        println!("I {} {}", hex(call.name), arguments.join(","));
    }
}

fn print_refused(name: &str, line: usize, directive: WastDirective, seen: &mut BTreeSet<Vec<u8>>) {
    let (kind, module, message) = match directive {
        WastDirective::AssertMalformed { module, message, .. } => ("malformed", module, message),
        WastDirective::AssertInvalid { module, message, .. } => ("invalid", module, message),
        _ => return,
    };
    // What is malformed as text only has no binary form.
    if let QuoteWat::Wat(Wat::Module(mut module)) = module {
        if let Ok(bytes) = module.encode() {
            if seen.insert(bytes.clone()) {
                println!("{name}:{line} {kind} {} {message}", base64(&bytes));
            }
        }
    }
}

fn print_accepted(directive: WastDirective) {
    match directive {
        WastDirective::Module(QuoteWat::Wat(Wat::Module(mut module))) => println!("M {}", base64(&module.encode().unwrap())),
        WastDirective::Module(_) | WastDirective::ModuleInstance { .. } | WastDirective::ModuleDefinition(_) => println!("M "),
        WastDirective::AssertReturn { exec: WastExecute::Invoke(call), .. }
        | WastDirective::AssertTrap { exec: WastExecute::Invoke(call), .. }
        | WastDirective::AssertExhaustion { call, .. }
        | WastDirective::Invoke(call) => print_call(&call),
        _ => {}
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let is_refused = arguments.next().as_deref() == Some("refused");
    let mut seen = BTreeSet::new();
    for path in files(arguments) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lexer = wast::lexer::Lexer::new(&text);
        lexer.allow_confusing_unicode(true);
        let Ok(buffer) = ParseBuffer::new_with_lexer(lexer) else { continue };
        let Ok(wast) = parser::parse::<Wast>(&buffer) else { continue };
        let name = path.file_stem().unwrap().to_str().unwrap();
        for directive in wast.directives {
            let line = directive.span().linecol_in(&text).0 + 1;
            if is_refused {
                print_refused(name, line, directive, &mut seen);
            } else {
                print_accepted(directive);
            }
        }
    }
}
