//! What reading a stored transcript costs in memory (B5.5), whatever somebody wrote into it.

use confer_transcript::read;

use super::counted;

/// Bytes there may be allocated for each byte of a document.
const FACTOR: usize = 16;
/// How often a piece stands in its document. One more than a power of two: what grows by doubling has
/// just done so.
const TIMES: usize = (1 << 14) + 1;

#[test]
fn reading_takes_memory_for_what_was_written() {
    let head = "<chatTranscript startAt='2031-05-06T08:30:00Z' sessionId=''>";
    let first = "<message userId='' timeShift='0' visibility='0' eventId='1'><msgText>";
    let list = format!("{head}{first}</msgText><userData>");
    let list_ends = "</userData></message></chatTranscript>";
    let text = format!("{head}{first}");
    let text_ends = "</msgText></message></chatTranscript>";
    let events = |piece: &dyn Fn(usize) -> String| (1..=TIMES).map(piece).collect::<String>();
    let common = |id| format!("userId='' timeShift='0' visibility='0' eventId='{id}'");
    let with_list = "<msgText/><userData><item key='k'/></userData>";
    for (name, begin, pieces, end) in [
        ("entries", &*list, "<item key='k'/>".repeat(TIMES), list_ends),
        (
            "lists",
            &list,
            "<item key='k' type='kvlist'><item key='k'/></item>".repeat(TIMES),
            list_ends,
        ),
        (
            "lists in lists",
            &list,
            ("<item key='k' type='kvlist'>".repeat(15) + &"</item>".repeat(15)).repeat(TIMES / 15),
            list_ends,
        ),
        ("references", &text, "&lt;".repeat(TIMES), text_ends),
        ("pieces of text", &text, "a<!---->".repeat(TIMES), text_ends),
        ("line ends", &text, "\r".repeat(TIMES), text_ends),
        ("unknown elements", head, "<x>".repeat(TIMES), ""),
        ("unknown attributes", "<chatTranscript", " x=''".repeat(TIMES), "/>"),
        (
            "events",
            head,
            events(&|id| format!("<event {} eventKind='1'/>", common(id))),
            "</chatTranscript>",
        ),
        (
            "events with lists",
            head,
            events(&|id| format!("<message {}>{with_list}</message>", common(id))),
            "</chatTranscript>",
        ),
    ] {
        let document = format!("{begin}{pieces}{end}");
        let (count, transcript) = counted(|| read(&document));
        assert!(count.peak <= FACTOR * document.len(), "{name}: {count:?} of {}", document.len());
        // Neither does it allocate more and more often the longer the document is.
        assert!(count.total <= 2 * FACTOR * document.len(), "{name}: {count:?}");
        assert_eq!(transcript.is_err(), name.starts_with("unknown"), "{name}");
    }
}
