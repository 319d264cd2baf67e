//! Parameters whose value is a list, written as text (B14.8).

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::{ErrorId, KvEntry, KvList, KvValue};
use crate::pii::Pii;
use crate::refusal::Refusal;
use crate::session::newcomer::MAX_ENTRIES;
use crate::text::Str;

use super::json::{self, Inside, Quoted, Reader, Value};

/// Begins the name of such a parameter.
const MARK: &str = "{l}";
/// How deep a list may nest, itself counted; as deep as any that travels on (B17.5).
const MAX_DEPTH: usize = 14;
/// The longest key, in bytes (wire §3).
const MAX_KEY: usize = 255;

/// The parameters with every list that was written as text, under its name without the mark.
///
/// A text that begins with `{` or `[` is read as JSON, any other as `key:value|key.sub:value`, with
/// blanks around keys and values or not.
/// Together the lists have at most [`MAX_ENTRIES`] entries.
pub(super) fn read_lists(parameters: &KvList) -> Result<KvList, Refusal> {
    if !parameters.into_iter().any(|entry| entry.key.starts_with(MARK)) {
        return Ok(parameters.clone());
    }
    let mut entries = Vec::with_capacity(parameters.len());
    let mut room = MAX_ENTRIES;
    for entry in parameters {
        entries.push(match entry.key.strip_prefix(MARK) {
            None => entry.clone(),
            Some(name) => {
                let (key, value) = (key(name)?, read_list(&entry.value, &mut room)?);
                KvEntry { key, value: KvValue::List(value) }
            }
        });
    }
    Ok(KvList::from_entries(entries))
}

fn read_list(value: &KvValue, room: &mut usize) -> Result<KvList, Refusal> {
    match value {
        KvValue::Str(text) => parse(text.reveal(), room),
        // A list already: somebody else has read it.
        KvValue::List(list) => Ok(list.clone()),
        KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) => {
            Err(malformed("a {l} parameter is no text"))
        }
    }
}

/// The list `text` says, in either style, of at most `room` entries, of which less is left then.
fn parse(text: &str, room: &mut usize) -> Result<KvList, Refusal> {
    if text.trim_start().starts_with(['{', '[']) {
        let mut lists = Lists { open: Vec::new(), done: None, key: None, room, flaw: None };
        match (json::read(text, &mut lists), lists.done, lists.flaw) {
            (Some(()), Some(list), _) => Ok(list),
            (_, _, Some(flaw)) => Err(flaw),
            (..) => Err(malformed("a {l} parameter is neither JSON nor a list")),
        }
    } else {
        let mut root = Vec::new();
        for piece in text.split('|').filter(|piece| !piece.trim().is_empty()) {
            let (path, value) = piece
                .split_once(':')
                .ok_or(malformed("an entry of a {l} parameter has no colon"))?;
            insert(&mut root, path, value.trim(), room)?;
        }
        Ok(list(root))
    }
}

/// An entry of a list in list style, to which more may be added.
struct Node {
    key: Str,
    value: Branch,
}

enum Branch {
    Leaf(Str),
    Nodes(Vec<Node>),
}

/// Adds a value at a path of keys with dots between them.
fn insert(root: &mut Vec<Node>, path: &str, value: &str, room: &mut usize) -> Result<(), Refusal> {
    let mut nodes = root;
    let (path, last) =
        path.rsplit_once('.').map_or((None, path), |(path, last)| (Some(path), last));
    for (depth, part) in
        path.into_iter().flat_map(|path| path.split('.').map(str::trim)).enumerate()
    {
        if depth + 1 >= MAX_DEPTH {
            return Err(too_deep());
        }
        let there = nodes
            .iter()
            .position(|node| &*node.key == part && matches!(node.value, Branch::Nodes(_)));
        let index = match there {
            Some(index) => index,
            None => {
                add(nodes, part, Branch::Nodes(Vec::new()), room)?;
                nodes.len() - 1
            }
        };
        let Branch::Nodes(inside) = &mut nodes[index].value else { return Ok(()) };
        nodes = inside;
    }
    add(nodes, last.trim(), Branch::Leaf(Str::new(value)), room)
}

fn add(nodes: &mut Vec<Node>, name: &str, value: Branch, room: &mut usize) -> Result<(), Refusal> {
    take(room)?;
    nodes.push(Node { key: key(name)?, value });
    Ok(())
}

/// The nodes as a list. No deeper than [`MAX_DEPTH`], so recursion is safe.
fn list(nodes: Vec<Node>) -> KvList {
    let entry = |Node { key, value }| {
        let value = match value {
            Branch::Leaf(text) => KvValue::Str(Pii::new(text)),
            Branch::Nodes(nodes) => KvValue::List(list(nodes)),
        };
        KvEntry { key, value }
    };
    nodes.into_iter().map(entry).collect()
}

/// Makes lists of JSON objects: texts and whole numbers stay what they are, other numbers and
/// booleans become texts, and what is null is left out. A list has no place for an array.
struct Lists<'a> {
    /// The lists that are not over yet, each with the key it will stand under.
    open: Vec<(Option<Str>, Vec<KvEntry>)>,
    done: Option<KvList>,
    key: Option<Str>,
    room: &'a mut usize,
    flaw: Option<Refusal>,
}

impl Lists<'_> {
    /// What was done, unless it went wrong.
    fn note<T>(&mut self, done: Result<T, Refusal>) -> Option<T> {
        done.map_err(|flaw| self.flaw = Some(flaw)).ok()
    }

    fn text(&mut self, text: Quoted<'_>) -> Option<String> {
        let text = text.characters().filter(|text| !text.contains('\0'));
        self.note(text.ok_or(malformed("a {l} parameter has a character that is none")))
    }

    fn push(&mut self, key: Option<Str>, value: KvValue) -> Option<()> {
        let (_, entries) = self.open.last_mut()?;
        entries.push(KvEntry { key: key?, value });
        Some(())
    }
}

impl Reader for Lists<'_> {
    fn begin(&mut self, inside: Inside) -> Option<()> {
        let fits = if inside == Inside::Array {
            Err(malformed("a {l} parameter has a JSON array"))
        } else if self.open.len() >= MAX_DEPTH {
            Err(too_deep())
        } else {
            Ok(())
        };
        self.note(fits)?;
        let key = self.key.take();
        self.open.push((key, Vec::new()));
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        let (key, entries) = self.open.pop()?;
        let list = KvList::from_entries(entries);
        if self.open.is_empty() {
            self.done = Some(list);
            return Some(());
        }
        self.push(key, KvValue::List(list))
    }

    fn key(&mut self, name: Quoted<'_>) -> Option<()> {
        let name = self.text(name)?;
        let taken = take(self.room);
        self.note(taken)?;
        self.key = self.note(key(&name));
        self.key.is_some().then_some(())
    }

    fn value(&mut self, value: Value<'_>) -> Option<()> {
        let value = match value {
            Value::Text(text) => self.text(text)?.as_str().into(),
            Value::Number(number) => match (number.parse::<i32>(), number.parse::<i64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                (Err(_), Err(_)) => number.into(),
            },
            Value::Boolean(true) => "true".into(),
            Value::Boolean(false) => "false".into(),
            Value::Null => return Some(()),
        };
        let key = self.key.take();
        self.push(key, value)
    }
}

fn key(name: &str) -> Result<Str, Refusal> {
    if (1..=MAX_KEY).contains(&name.len()) {
        Ok(Str::new(name))
    } else {
        Err(malformed("a key of a {l} parameter needs 1 to 255 bytes"))
    }
}

/// Takes the room of one entry.
fn take(room: &mut usize) -> Result<(), Refusal> {
    *room = room.checked_sub(1).ok_or(malformed("{l} parameters have more than 1024 entries"))?;
    Ok(())
}

const fn too_deep() -> Refusal {
    malformed("a {l} parameter nests more than 14 levels deep")
}

const fn malformed(text: &'static str) -> Refusal {
    Refusal::because(ErrorId::Malformed, text)
}

#[cfg(test)]
mod tests;
