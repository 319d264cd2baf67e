use super::*;

#[test]
fn a_section_has_its_options_however_it_is_written() {
    for (written, family) in [
        ("settings", "settings"),
        ("ports", "ports.<id>"),
        ("ports.<id>", "ports.<id>"),
        ("ports.ESP", "ports.<id>"),
        ("languages.German", "languages.<NAME>"),
        ("chat", "chat.<name>"),
        ("chat.sales", "chat.<name>"),
        ("endpoints", "endpoints:<tenant>"),
        ("endpoints:acme", "endpoints:<tenant>"),
    ] {
        let found: Vec<_> = options_of(written).map(|info| info.name).collect();
        let all = Config::options().filter(|info| info.section == family);
        let all: Vec<_> = all.map(|info| info.name).collect();
        assert_eq!(found, all, "{written}");
        assert!(!all.is_empty(), "{family}");
    }
    for unknown in ["", "setting", "port", "settings.x", "endpoint:1"] {
        assert_eq!(options_of(unknown).count(), 0, "{unknown}");
    }
}
