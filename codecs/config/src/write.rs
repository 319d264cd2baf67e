//! A configuration as TOML text.

use core::fmt::Write as _;

use confer_core::config::{Config, Kind, OptionInfo};
use confer_core::id::PortId;
use toml_writer::{ToTomlKey as _, ToTomlValue as _, TomlKeyBuilder, TomlStringBuilder};

use crate::document::info;

/// How wide the comments of the example are, in characters.
const WIDTH: usize = 100;

/// What is configured beyond the defaults, as the text of a file that [`parse`](crate::parse) reads
/// back; a secret is a comment there.
pub fn write(config: &Config) -> String {
    const ENDPOINTS: (&str, &str) = ("endpoints:1", "default");
    let defaults = Config::default();
    let mut options: Vec<_> = defaults
        .differences(config)
        .into_iter()
        .map(|difference| (difference.section, difference.option))
        .collect();
    // The built-in endpoint is no difference, but is gone as soon as there are others.
    if options.iter().any(|(section, _)| section.starts_with("endpoints:")) {
        let built_in = (ENDPOINTS.0.to_owned(), ENDPOINTS.1.to_owned());
        if !options.contains(&built_in) {
            options.push(built_in);
        }
    }

    let mut text = String::new();
    let mut current = "";
    for (section, option) in &options {
        let Some(info) = info(section, option) else { continue };
        let Some(value) = config.value(section, option) else { continue };
        if current != section {
            let gap = if current.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", header(section));
            current = section;
        }
        let hidden = if info.kind.is_secret() { "# " } else { "" };
        let _ = writeln!(text, "{hidden}{} = {}", key(option), literal(&value, info.kind));
    }
    text
}

/// A file with every option as a comment at its default, what may stand there, when a change acts,
/// and what it does. Languages, services and endpoints, which have no defaults, get invented values.
pub fn example() -> String {
    let mut text = String::from(
        "# The options of Confer, each as a comment at its default. `confer check-config FILE` says\n\
         # whether a file is good.\n",
    );
    let mut family = "";
    for info in Config::options() {
        if family != info.section {
            family = info.section;
            text.push_str(&opening(family));
        }
        text.push('\n');
        for line in wrapped(info.meaning) {
            let _ = writeln!(text, "# {line}");
        }
        for line in wrapped(&format!("{}; acts: {}", info.kind, info.effect)) {
            let _ = writeln!(text, "# {line}");
        }
        if let Some(alias) = info.alias {
            let _ = writeln!(text, "# Also called {alias}.");
        }
        let (name, value) = sample(info);
        let _ = writeln!(text, "# {} = {}", key(name), literal(&value, info.kind));
    }
    text
}

/// The line that opens the section, or the example of such a section, in the example.
fn opening(family: &str) -> String {
    match family {
        "ports.<id>" => {
            let others: Vec<_> = PortId::ALL.iter().skip(1).map(|port| port.name()).collect();
            format!(
                "\n[ports.{}]\n# The other ports are sections like this one: {}.\n",
                PortId::Default,
                others.join(", ")
            )
        }
        // Without its options, this one would not be legal.
        "languages.<NAME>" => {
            "\n# Each language is a section like this one:\n# [languages.German]\n".to_owned()
        }
        "chat.<name>" => {
            "\n# Each service is a section like this one:\n# [chat.sales]\n".to_owned()
        }
        "endpoints:<tenant>" => {
            format!("\n# Each tenant is a section like this one:\n{}\n", header("endpoints:1"))
        }
        family => format!("\n{}\n", header(family)),
    }
}

/// Name and value for the example.
fn sample(info: &OptionInfo) -> (&'static str, String) {
    let value = match (info.section, info.name) {
        ("languages.<NAME>", "name") => "German",
        ("languages.<NAME>", "language") => "de",
        ("languages.<NAME>", "message-alert") => "Sind Sie noch da?",
        ("languages.<NAME>", "message-alert2") => "Der Chat wird gleich geschlossen.",
        ("languages.<NAME>", "message-close") => "Der Chat wurde geschlossen.",
        ("chat.<name>", "endpoint") => "sales",
        ("endpoints:<tenant>", "default") => "default",
        ("endpoints:<tenant>", _) => return ("sales", "sales-queue".to_owned()),
        _ => return (info.name, info.default_text()),
    };
    (info.name, value.to_owned())
}

/// The line a section begins with.
fn header(section: &str) -> String {
    match section.split_once('.') {
        Some((family @ ("ports" | "languages" | "chat"), name)) => {
            format!("[{family}.{}]", key(name))
        }
        _ => format!("[{}]", key(section)),
    }
}

fn key(name: &str) -> String {
    TomlKeyBuilder::new(name).as_default().to_toml_key()
}

/// Core's text for a value as TOML: bare where it is a number or a boolean.
fn literal(value: &str, kind: Kind) -> String {
    let kind = if let Kind::OrEmpty(kind) = kind { *kind } else { kind };
    let bare = matches!(
        kind,
        Kind::Boolean | Kind::Integer { .. } | Kind::Seconds { .. } | Kind::Milliseconds { .. }
    );
    if bare && !value.is_empty() {
        value.to_owned()
    } else {
        TomlStringBuilder::new(value).as_basic().to_toml_value()
    }
}

/// The text in lines that fit behind `# `.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() + 3 <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests;
