//! `confer check-config` and `confer options` as people use them.

use std::path::PathBuf;

use crate::support::{Run, confer};

/// A configuration file, gone with the value.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("confer-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    /// What `check-config` says of it, with this name for it.
    fn check(&self, more: &[&str]) -> Run {
        let path = self.0.to_str().unwrap();
        let mut run = confer(&[&["check-config", path], more].concat(), b"");
        run.out = run.out.replace(path, "FILE");
        run.notes = run.notes.replace(path, "FILE");
        run
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_good_file_is_answered_with_one_line() {
    let file = File::new("good", "[settings]\nsession-linger = 90\nflex-push-enabled = 'no'\n");
    let run = file.check(&[]);
    assert_eq!((&*run.out, &*run.notes, run.status), ("FILE: good, 2 options set\n", "", 0));

    let run = file.check(&["--set", "settings/session-linger=5", "--set", "ports.web/listen="]);
    assert_eq!((&*run.out, run.status), ("FILE: good, 3 options set\n", 0));

    let run = File::new("one", "server.name = 'chat-1'").check(&[]);
    assert_eq!((&*run.out, run.status), ("FILE: good, 1 option set\n", 0));
}

#[test]
fn a_withdrawn_name_warns_in_a_good_file() {
    let run = File::new("warning", "[inactivity-control]\n\nenable = true\n").check(&[]);
    assert_eq!((&*run.out, run.status), ("FILE: good, 0 options set\n", 0));
    assert_eq!(
        run.notes,
        "FILE:3: warning: [inactivity-control] enable has no effect; \
         the name is [inactivity-control] enabled\n"
    );
}

#[test]
fn everything_wrong_is_told_line_by_line() {
    let file = File::new("bad", "[settings]\nsesion-linger = 90\nsave-wait-max = 0\n");
    let run = file.check(&["--set", "settings/session-linger=never"]);
    assert_eq!((&*run.out, run.status), ("", 1));
    assert_eq!(
        run.notes,
        "FILE:2: [settings] sesion-linger: no such option; \
         did you mean [settings] session-linger?\n\
         FILE:3: [settings] save-wait-max = \"0\": not valid; valid: integer 1 to 3600, seconds\n\
         --set: [settings] session-linger = \"never\": not valid; \
         valid: integer 1 to 86400, seconds\n"
    );
}

#[test]
fn what_cannot_be_read_or_understood_is_trouble() {
    let run = confer(&["check-config", "/there/is/no/such.toml"], b"");
    assert_eq!((&*run.out, run.status), ("", 2));
    assert!(run.notes.starts_with("/there/is/no/such.toml: cannot be read: "), "{}", run.notes);

    let run = confer(&["check-config"], b"");
    assert_eq!((&*run.out, run.status), ("", 2));
    assert_eq!(run.notes, "confer: which FILE? (see 'confer check-config --help')\n");
}

#[test]
fn options_describes_every_option() {
    let run = confer(&["options", "--section", "settings"], b"");
    assert_eq!((&*run.notes, run.status), ("", 0));
    let linger = "\n\n[settings] session-linger\n    How long a closed session, or a removed flex user, \
                  can still be asked for its last events (B8.6, B9.2).\n    default: 60\n    \
                  valid:   integer 1 to 86400, seconds\n    acts:    now\n\n";
    assert!(run.out.contains(linger), "{}", run.out);
    assert!(run.out.contains("    also called: xml-request-max-size\n"), "{}", run.out);
    assert!(!run.out.contains("[server]"), "{}", run.out);

    let all = confer(&["options"], b"").out;
    assert!(all.contains(&run.out), "the same in the list of all");
}

#[test]
fn options_speaks_json() {
    let options = confer(&["options", "--format", "json"], b"").json();
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
    let run = confer(&["options", "--format", "toml"], b"");
    let file = File::new("example", &run.out);
    assert_eq!(file.check(&[]).out, "FILE: good, 0 options set\n");
    assert_eq!(run.out, include_str!("../../../docs/confer.example.toml"));
}
