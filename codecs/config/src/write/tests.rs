use super::*;
use quickcheck::{Arbitrary, Gen, QuickCheck};

const EXAMPLE: &str = include_str!("../../../../docs/confer.example.toml");

fn read(text: &str) -> Config {
    let loaded = crate::parse(text, "written").unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    loaded.config
}

#[test]
fn only_what_differs_from_the_defaults_is_written() {
    let mut config = Config::default();
    assert_eq!(write(&config), "");
    for (section, option, value) in [
        ("settings", "session-linger", "90"),
        ("settings", "save-wait-max", "2"),
        ("settings", "transcript-auto-save", "2"),
        ("server", "name", "a \"quoted\" name"),
        ("ports.ESP", "access-token", "frog-prince"),
        ("languages.Norsk bokmål", "language", "nb"),
        ("endpoints:acme", "sales.eu", "q"),
    ] {
        config.set(section, option, value).unwrap();
    }
    assert_eq!(
        write(&config),
        r#"[server]
name = "a \"quoted\" name"

[ports.ESP]
# access-token = "[secret]"

[settings]
session-linger = 90
transcript-auto-save = "2"

[languages."Norsk bokmål"]
name = "Norsk bokmål"
language = "nb"

["endpoints:acme"]
"sales.eu" = "q"
"#
    );
}

#[test]
fn an_endpoint_that_is_also_built_in_is_written_beside_others() {
    let mut config = Config::default();
    config.set("endpoints:1", "default", "default").unwrap();
    config.set("endpoints:1", "sales", "q").unwrap();
    let again = read(&write(&config));
    assert_eq!(again.queue(None).map(|endpoint| endpoint.queue), Ok("default"));
    assert_eq!(config.differences(&again), []);
}

/// Options with values that are legal for them.
#[derive(Clone, Debug)]
struct Legal(Vec<(String, String, String)>);

impl Arbitrary for Legal {
    fn arbitrary(g: &mut Gen) -> Self {
        let infos: Vec<_> = Config::options().filter(|info| !info.kind.is_secret()).collect();
        let count = usize::arbitrary(g) % 30;
        let any = |_| {
            let info = g.choose(&infos).unwrap();
            option(g, info)
        };
        Self((0..count).map(any).collect())
    }
}

fn option(g: &mut Gen, info: &OptionInfo) -> (String, String, String) {
    let name = ["1", "a.b", "c\"d", "é 語"];
    let own = *g.choose(&name).unwrap();
    let section = match info.section {
        "ports.<id>" => format!("ports.{}", g.choose(&PortId::ALL).unwrap()),
        "languages.<NAME>" => format!("languages.{own}"),
        "chat.<name>" => format!("chat.{own}"),
        "endpoints:<tenant>" => format!("endpoints:{own}"),
        fixed => fixed.to_owned(),
    };
    let option = if info.name.starts_with('<') { *g.choose(&name).unwrap() } else { info.name };
    (section, option.to_owned(), value(g, info.kind))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the rest is text")]
fn value(g: &mut Gen, kind: Kind) -> String {
    match kind {
        Kind::Boolean => bool::arbitrary(g).to_string(),
        Kind::Integer { min, max, .. }
        | Kind::Seconds { min, max }
        | Kind::Milliseconds { min, max } => {
            (min + u32::arbitrary(g) % (max - min + 1)).to_string()
        }
        Kind::OneOf(words) | Kind::AnyOf(words) => (*g.choose(words).unwrap()).to_owned(),
        Kind::LanguageCode | Kind::CountryCode => (*g.choose(&["de", "pt"]).unwrap()).to_owned(),
        Kind::Address => "[::1]:4480".to_owned(),
        Kind::Extensions => "png:7z".to_owned(),
        Kind::OrEmpty(_) if bool::arbitrary(g) => String::new(),
        Kind::OrEmpty(kind) => value(g, *kind),
        _ => format!("x{}", String::arbitrary(g).replace(['\0', ':'], "")),
    }
}

#[test]
fn what_is_written_is_read_back() {
    fn property(Legal(options): Legal) -> bool {
        let mut config = Config::default();
        for (section, option, value) in &options {
            // Only the two names of one option may contradict each other.
            let _ = config.set(section, option, value);
        }
        while let Err(error) = config.validate() {
            config.keep(&Config::default(), &error);
        }
        config.differences(&read(&write(&config))).is_empty()
    }
    QuickCheck::new().tests(500).quickcheck(property as fn(Legal) -> bool);
}

#[test]
fn the_example_of_the_documentation_is_that_of_the_program() {
    // To renew it: `confer options --format toml > docs/confer.example.toml`.
    assert!(EXAMPLE == example(), "docs/confer.example.toml is not what `example` writes");
    assert_eq!(read(EXAMPLE), Config::default());
    assert!(EXAMPLE.lines().all(|line| line.chars().count() <= WIDTH || line.contains(" = ")));
}

#[test]
fn the_example_has_every_option_at_its_default() {
    let lines: Vec<_> = EXAMPLE.lines().collect();
    let is_option = |line: &str| {
        let name = line.strip_prefix("# ").and_then(|line| line.split_once(" = "));
        name.is_some_and(|(name, _)| !name.contains(' '))
    };
    let mut live = String::new();
    for line in &lines {
        let bare = line.strip_prefix("# ").filter(|bare| is_option(line) || bare.starts_with('['));
        live.push_str(bare.unwrap_or(line));
        live.push('\n');
    }
    let count = lines.iter().filter(|line| is_option(line)).count();
    assert_eq!(count, Config::options().count());

    let all = crate::parse(&live, "example").unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(all.set, count);
    for difference in Config::default().differences(&all.config) {
        let section = &*difference.section;
        let invented = ["languages.German", "chat.sales", "endpoints:1"].contains(&section);
        assert!(invented, "{difference}");
    }
}
