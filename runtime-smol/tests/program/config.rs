//! `confer check-config` and `confer options` as people use them.

use crate::support::{Folder, Run, run};

/// A configuration file.
struct File(Folder);

impl File {
    fn new(text: &str) -> Self {
        let folder = Folder::new();
        folder.with("confer.toml", text);
        Self(folder)
    }

    /// What `check-config` says of it, with this name for it.
    fn check(&self, more: &[&str]) -> Run {
        let path = &self.0.name("confer.toml");
        let mut run = run(&[&["check-config", path], more].concat());
        run.out = run.out.replace(path, "FILE");
        run.notes = run.notes.replace(path, "FILE");
        run
    }
}

#[test]
fn a_good_file_is_answered_with_one_line() {
    let file = File::new("[settings]\nsession-linger = 90\nflex-push-enabled = 'no'\n");
    let ran = file.check(&[]);
    assert_eq!((&*ran.out, &*ran.notes, ran.status), ("FILE: good, 2 options set\n", "", 0));

    let ran = file.check(&["--set", "settings/session-linger=5", "--set", "ports.web/listen="]);
    assert_eq!((&*ran.out, ran.status), ("FILE: good, 3 options set\n", 0));

    let ran = File::new("server.name = 'chat-1'").check(&[]);
    assert_eq!((&*ran.out, ran.status), ("FILE: good, 1 option set\n", 0));
}

#[test]
fn a_withdrawn_name_warns_in_a_good_file() {
    let ran = File::new("[inactivity-control]\n\nenable = true\n").check(&[]);
    assert_eq!((&*ran.out, ran.status), ("FILE: good, 0 options set\n", 0));
    assert_eq!(
        ran.notes,
        "FILE:3: warning: [inactivity-control] enable has no effect; \
         the name is [inactivity-control] enabled\n"
    );
}

#[test]
fn everything_wrong_is_told_line_by_line() {
    let file = File::new("[settings]\nsesion-linger = 90\nsave-wait-max = 0\n");
    let ran = file.check(&["--set", "settings/session-linger=never"]);
    assert_eq!((&*ran.out, ran.status), ("", 1));
    assert_eq!(
        ran.notes,
        "FILE:2: [settings] sesion-linger: no such option; \
         did you mean [settings] session-linger?\n\
         FILE:3: [settings] save-wait-max = \"0\": not valid; valid: integer 1 to 3600, seconds\n\
         --set: [settings] session-linger = \"never\": not valid; \
         valid: integer 1 to 86400, seconds\n"
    );
}

#[test]
fn what_cannot_be_read_or_understood_is_trouble() {
    let ran = run(&["check-config", "/there/is/no/such.toml"]);
    assert_eq!((&*ran.out, ran.status), ("", 2));
    assert!(ran.notes.starts_with("/there/is/no/such.toml: cannot be read: "), "{}", ran.notes);

    let ran = run(&["check-config"]);
    assert_eq!((&*ran.out, ran.status), ("", 2));
    assert_eq!(ran.notes, "confer: which FILE? (see 'confer check-config --help')\n");
}

#[test]
fn options_describes_every_option() {
    let ran = run(&["options", "--section", "settings"]);
    assert_eq!((&*ran.notes, ran.status), ("", 0));
    let linger = "\n\n[settings] session-linger\n    How long a closed session, or a removed flex user, \
                  can still be asked for its last events (B8.6, B9.2).\n    default: 60\n    \
                  valid:   integer 1 to 86400, seconds\n    acts:    now\n\n";
    assert!(ran.out.contains(linger), "{}", ran.out);
    assert!(ran.out.contains("    also called: xml-request-max-size\n"), "{}", ran.out);
    assert!(!ran.out.contains("[server]"), "{}", ran.out);

    let all = run(&["options"]).out;
    assert!(all.contains(&ran.out), "the same in the list of all");
}

#[test]
fn options_speaks_json() {
    let options = run(&["options", "--format", "json"]).json();
    let one = |name: &str| options.iter().find(|option| option["name"] == name).unwrap();
    let size = one("request-max-size");
    assert_eq!(size["section"], "settings");
    assert_eq!(size["alias"], "xml-request-max-size");
    assert_eq!(size["default"], "524288");
    assert_eq!(size["valid"], "integer 1024 to 16777216, bytes");
    assert_eq!(size["acts"], "now, for new connections");
    assert!(one("session-linger")["alias"].is_null());
    assert_eq!(options.len(), confer_core::config::Config::options().count());
}

#[test]
fn options_writes_a_file_that_is_good() {
    let ran = run(&["options", "--format", "toml"]);
    let file = File::new(&ran.out);
    assert_eq!(file.check(&[]).out, "FILE: good, 0 options set\n");
    assert_eq!(ran.out, include_str!("../../../docs/confer.example.toml"));
}
