//! People at terminals and those who stand in for them, in real conversations through a real server,
//! driven as scripts drive them: by files and pipes.

use serde_json::Value;

use crate::support::{Folder, Person, Served};

/// What is printed without the times.
fn timeless(out: &str) -> Vec<&str> {
    out.lines().map(|line| line.get(9..).unwrap_or(line)).collect()
}

#[test]
fn a_conversation_of_everybody() {
    let server = Served::start(&[]);
    let mut casey = server.visitor(&["--name", "Casey", "--subject", "my parcel"]);
    let session = casey.session();
    // What somebody new to this is told to type next.
    casey.notes.with(&format!("confer agent --join {session}"));
    let bot = ["bot", "--name", "Loud", "--command", "tr a-z A-Z", &session];
    let mut bot = server.desk(&bot);
    bot.notes.with(&format!("-- in {session}"));
    let mut vera =
        server.desk(&["supervisor", "--name", "Vera", "--format", "json", "--join", &session]);
    vera.session();
    let sue = ["supervisor", "--name", "Sue", "--visibility", "INT", "--join", &session];
    let mut sue = server.desk(&sue);
    sue.session();
    let mut ana = server.desk(&["agent", "--name", "Ana", "--join", &session]);
    ana.types(&["Good morning!", "/expect Casey: hello 60", "/to Sue what now?"]);
    sue.types(&["/expect what now? 60", "/to Ana offer more"]);
    ana.types(&["/expect offer more 60", "/to INT I will", "/url https://shop.example/help"]);
    // A line shows the name its sender has by then.
    sue.types(&["/expect I will 60", "/to Ana good"]);
    ana.types(&["/expect Ana only): good 60", "/nick Anna"]);
    casey.types(&["/expect Good morning 60", "hello", "/read", "/expect Loud: HELLO 60"]);
    casey.types(&["loud", "/expect Loud: LOUD 60"]);
    casey.out.with("Loud: LOUD");
    casey.out.with("shop.example");
    let said = ["Message", "MessageText=One moment, please.", "--interaction", &session];
    let said = server.workflow(&said).ends();
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("ScriptPos="), "{said:?}");
    casey.out.with("One moment");
    ana.out.with("* Anna has this name");
    casey.types(&["thanks, bye"]);
    ana.types(&["/expect thanks 60"]);
    let casey = casey.ends();
    let (ana, sue, vera, bot) = (ana.ends(), sue.ends(), vera.ends(), bot.ends());
    for person in [&casey, &ana, &sue, &vera, &bot] {
        assert_eq!(person.status, 0, "{person:#?}\n{casey:#?}");
    }
    // B3.3: the customer sees nothing of what is not for it.
    for hidden in ["Sue", "Vera", "what now", "I will"] {
        assert!(!casey.out.contains(hidden), "{hidden}: {}", casey.out);
    }
    let seen = timeless(&ana.out);
    for line in [
        "* Loud is here (BOT)",
        "* Sue is here (SUPERVISOR, coaching)",
        "Ana (to Sue only): what now?",
        "Sue (to Ana only): offer more",
        "Ana (to agents): I will",
        "* Ana shows https://shop.example/help",
        "* Anna has this name from now on",
        "System: One moment, please.",
        "Casey: thanks, bye",
        "* Casey is gone (left)",
    ] {
        assert!(seen.contains(&line), "{line}: {seen:#?}");
    }
    // B7.6: whispered to one, and heard by no other.
    let lines: Vec<Value> = vera.out.lines().map(|line| line.parse().unwrap()).collect();
    let said = |text: &str| lines.iter().find(|line| line["text"] == text);
    assert!(said("offer more").is_none());
    let hello = said("hello").unwrap();
    assert_eq!((&hello["type"], &hello["from"]), (&Value::from("message"), &Value::from("Casey")));
    assert_eq!(said("I will").unwrap()["visibility"], "INT");
    assert_eq!(lines[0]["session"], session.as_str());
    assert_eq!(lines.last().unwrap()["type"], "over");
    // Nobody's words are among the notes of a bot.
    assert!(!bot.notes.to_lowercase().contains("hello"), "{}", bot.notes);
}

#[test]
fn a_bot_hears_of_sessions_as_they_come() {
    let server = Served::start(&[]);
    let mut bot = server.desk(&["bot", "--echo"]);
    for name in ["Casey", "Drew"] {
        let mut visitor = server.visitor(&["--name", name]);
        let session = visitor.session();
        bot.types(&[&session]);
        visitor.types(&["/expect Bot is here 60", "good morning", "/expect Bot: good morning 60"]);
        let visitor = visitor.ends();
        assert_eq!(visitor.status, 0, "{visitor:#?}");
    }
    bot.types(&["NOSUCHSESSION000"]);
    let bot = bot.ends();
    assert_eq!(bot.status, 1, "{bot:#?}");
    assert!(bot.notes.contains("no such session"), "{bot:#?}");
}

#[test]
fn what_does_not_come_fails_a_script() {
    let server = Served::start(&[]);
    let mut casey = server.visitor(&[]);
    casey.types(&["hello", "/expect somebody 0.2", "never said"]);
    let casey = casey.ends();
    assert_eq!(casey.status, 1);
    assert!(casey.notes.contains("-- nobody said what was expected: somebody"), "{casey:#?}");
    assert!(casey.out.contains("hello") && !casey.out.contains("never said"), "{casey:#?}");
    // Nor does a line that means nothing go unnoticed.
    let mut casey = server.visitor(&[]);
    casey.types(&["/wink"]);
    let casey = casey.ends();
    assert_eq!(casey.status, 1);
    assert!(casey.notes.contains("unknown command '/wink'"), "{casey:#?}");
}

#[test]
fn the_end_of_input_is_a_farewell_after_everything_is_said() {
    let server = Served::start(&[]);
    let lines: Vec<_> = (0..500).map(|number| format!("line {number}")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut ana = server.desk(&["agent", "--create"]);
    ana.types(&lines);
    let ana = ana.ends();
    assert_eq!(ana.status, 0, "{}", ana.notes);
    let said = timeless(&ana.out).into_iter().filter_map(|line| line.strip_prefix("Agent: "));
    assert!(said.eq(lines), "{}", ana.out);
}

#[test]
fn a_script_is_read_from_a_file() {
    let server = Served::start(&[]);
    let folder = Folder::new();
    let script = folder.with("script", "hello\r\n/file limits\n/wait 0.1\n/quit\n");
    let casey = server.visitor(&["--script", &script]).ends();
    assert_eq!(casey.status, 0, "{casey:#?}");
    assert!(timeless(&casey.out).contains(&"Visitor: hello"), "{casey:#?}");
    let missing = server.visitor(&["--script", "/no/such/file"]).ends();
    assert_eq!(missing.status, 1);
    assert!(missing.notes.contains("cannot read /no/such/file"), "{missing:#?}");
}

#[test]
fn trouble_is_told() {
    let server = Served::start(&["--set", "ports.default/access-token=open sesame"]);
    let gone = server.workflow(&["GetSessionInfo", "--interaction", "NOSUCHSESSION000"]).ends();
    assert_eq!((gone.status, gone.out.as_str()), (1, ""));
    assert!(gone.notes.contains("(8304)"), "{gone:#?}");
    let wrong = ["PlaceOnHold", "--interaction", "NOSUCHSESSION000", "--format", "json"];
    let wrong = server.workflow(&wrong).ends();
    assert_eq!(wrong.status, 1);
    let fault: Value = wrong.out.trim().parse().unwrap();
    assert_eq!(fault["fault"]["FaultCode"], 8304, "{wrong:#?}");
    // B2.7
    let stranger = server.desk(&["agent", "--create"]).ends();
    assert_eq!(stranger.status, 1);
    assert!(stranger.notes.contains("(8307)"), "{stranger:#?}");
    let folder = Folder::new();
    let token = &folder.with("token", "open sesame\n");
    let ana = server.desk(&["agent", "--create", "--token-file", token]).ends();
    assert_eq!(ana.status, 0, "{ana:#?}");
    let lost = ["agent", "--join", "NOSUCHSESSION000", "--token-file", token];
    let lost = server.desk(&lost).ends();
    assert_eq!(lost.status, 1);
    assert!(lost.notes.contains("-- the server knows no such session"), "{lost:#?}");
    let nobody = Person::start(&["workflow", "GetSessionInfo", "--server", "127.0.0.1:1"]).ends();
    assert_eq!(nobody.status, 1);
    assert!(nobody.notes.contains("cannot connect to 127.0.0.1:1"), "{nobody:#?}");
    let usage = Person::start(&["agent"]).ends();
    assert_eq!(usage.status, 2);
    assert!(usage.notes.contains("which session?"), "{usage:#?}");
}
