use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn it_reads_words_and_prints_an_answer() {
    assert_eq!(run("tr a-z A-Z", "hello\nthere", PATIENCE), Ok("HELLO\nTHERE".into()));
    assert_eq!(run("printf 'one\\r\\n\\n'", "", PATIENCE), Ok("one".into()));
    assert_eq!(run("true", "hello", PATIENCE), Ok(String::new()));
    // One that reads nothing of much.
    assert_eq!(run("echo no", &"x".repeat(1 << 20), PATIENCE), Ok("no".into()));
}

#[test]
fn what_goes_wrong_is_said() {
    let failed = run("cat; exit 3", "secret", PATIENCE).unwrap_err();
    assert!(failed.contains('3') && !failed.contains("secret"), "{failed}");
    assert_eq!(run("printf '\\377'", "", PATIENCE).unwrap_err(), "the command prints no UTF-8");
}

#[test]
fn it_is_bounded_in_time_and_size() {
    let short = Duration::from_millis(50);
    for slow in ["sleep 600", "sleep 600 &", "exec >&-; sleep 600"] {
        assert_eq!(run(slow, "", short).unwrap_err(), "the command took too long", "{slow}");
    }
    let most = usize::try_from(MAX_ANSWER).unwrap();
    let print = |count| run(&format!("head -c {count} /dev/zero | tr '\\0' x"), "", PATIENCE);
    assert_eq!(print(most).map(|answer| answer.len()), Ok(most));
    assert!(print(most + 1).unwrap_err().contains("more than 65536 bytes"));
    assert!(run("yes", "", PATIENCE).unwrap_err().contains("more than"), "without end");
}
