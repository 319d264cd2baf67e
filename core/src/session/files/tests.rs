use super::*;
use crate::config::Config;

const NOW: Instant = Instant::ZERO;
const CASEY: PartyNo = PartyNo(0);

fn file(number: usize, counted: Option<u64>) -> File {
    let id = FileId::new(&alloc::format!("{number}"));
    File { id, owner: CASEY, uploaded: EventId::NONE, deleted: None, counted }
}

fn permit(files: &mut Files, secret: &str, size: u64) {
    files.permit(Secret::new(secret), CASEY, (Pii::new(Str::new("cat.png")), size), NOW);
}

#[test]
fn a_session_has_so_many_files() {
    // B17.4
    let mut options = Config::default().client_file_transfer;
    options.upload_max_files = 1000;
    let mut files = Files::default();
    for number in 0..MAX_FILES - 2 {
        files.add(file(number, None));
    }
    // What is promised to a customer is kept free.
    assert!(files.admits_upload(&options, ("cat.png", 1), false, NOW).is_ok());
    permit(&mut files, "one", 1);
    assert!(files.has_room());
    files.add(file(MAX_FILES - 2, None));
    assert!(!files.has_room());
    let refusal = files.admits_upload(&options, ("cat.png", 1), false, NOW).unwrap_err();
    assert_eq!(refusal.id, ErrorId::LimitReached);
    files.add(file(MAX_FILES - 1, Some(1)));
    files.spend(&Secret::new("one"));
    assert!(!files.has_room());
    // Deleting one does not make room: its notice is still there.
    files.delete(&FileId::new("0"), EventId::NONE, true);
    assert!(!files.has_room());
}

#[test]
fn a_permit_in_use_does_not_lapse() {
    let mut files = Files::default();
    permit(&mut files, "one", 10);
    permit(&mut files, "two", 10);
    let late = NOW + PERMIT_LIFE;
    assert!(files.use_permit(&Secret::new("one"), CASEY, ("cat.png", 10), NOW).is_ok());
    assert_eq!(files.used(late), Used { files: 1, size: 10, downloads: 0 });
    files.renew(&Secret::new("one"), late);
    let just_before = NOW + (PERMIT_LIFE + PERMIT_LIFE - Duration::from_millis(1));
    assert_eq!(files.used(just_before).files, 1);
    assert_eq!(files.used(late + PERMIT_LIFE).files, 0);
}

#[test]
fn a_permit_is_used_once_at_a_time() {
    let mut files = Files::default();
    permit(&mut files, "one", 10);
    let one = Secret::new("one");
    let mut uses = |at| files.use_permit(&one, CASEY, ("cat.png", 10), at).map_err(|it| it.id);
    assert_eq!(uses(NOW + PERMIT_LIFE), Err(ErrorId::FileRefused));
    assert_eq!(uses(NOW + (PERMIT_LIFE - Duration::from_millis(1))), Ok(()));
    assert_eq!(uses(NOW), Err(ErrorId::FileRefused));
}

#[test]
fn whoever_goes_leaves_no_permit() {
    let mut files = Files::default();
    permit(&mut files, "one", 10);
    files.wait(OpId(1), CASEY);
    files.wait(OpId(2), PartyNo(1));
    assert_eq!(files.forget(CASEY), [OpId(1)]);
    assert_eq!(files.used(NOW), Used::default());
    assert!(files.waiting().eq([OpId(2)]));
}

#[test]
fn a_type_is_what_follows_the_last_dot() {
    for (name, fits) in [
        ("a.png", true),
        ("a.PnG", true),
        (".png", true),
        ("a.b.png", true),
        ("a.png.b", false),
        ("png", false),
        ("a.", false),
        ("", false),
        ("a.pn", false),
        ("a.png:jpg", false),
    ] {
        assert_eq!(has_type(name, "png:jpg"), fits, "{name}");
    }
}

#[test]
fn answers_are_remembered_for_a_while() {
    // B4.8
    let mut files = Files::default();
    let person = Person::Id(Pii::new(Str::new("casey")));
    for number in 0..=KEYS_KEPT {
        let key = Str::new(&alloc::format!("{number}"));
        files.remember(person.clone(), Str::new("c"), key, KvList::new());
    }
    assert!(files.answered(&person, "c", "0").is_none());
    assert!(files.answered(&person, "c", "1").is_some());
    assert!(files.answered(&person, "d", "1").is_none());
}
