//! Frames and faults as JSON, one object a line, in the form of the test vectors (wire §8).

use confer_core::frame::{KvList, KvValue};
use confer_wire::{Level, Value};
use serde_json::{Map, Value as Json, json};

use super::frame::{Fault, Frame};

/// A good frame, texts included.
pub(super) fn frame(frame: &Frame<'_>) -> String {
    let header = &frame.raw.header;
    line(&json!({
        "protocol": header.protocol.name(),
        "message": frame.message,
        "reference": header.reference,
        "attributes": level(&frame.raw.attributes),
    }))
}

/// A bad frame.
pub(super) fn fault(fault: &Fault) -> String {
    line(&json!({ "error": fault.to_string(), "offset": fault.offset() }))
}

/// One line that can be shown on a terminal.
pub(crate) fn line(json: &Json) -> String {
    plain(&json.to_string())
}

/// JSON that can be shown on a terminal: it allows some control characters as they are.
pub(crate) fn plain(json: &str) -> String {
    let mut line = String::new();
    for character in json.chars() {
        if character.is_control() {
            // All of them are below U+00A0, so four digits hold each.
            line.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            line.push(character);
        }
    }
    line
}

/// Attributes by name, in the order they came.
fn level(level: &Level<'_>) -> Json {
    let entries = level.entries().iter();
    Json::Object(
        entries
            .map(|entry| (entry.attribute.name().to_owned(), value(&entry.value)))
            .collect::<Map<_, _>>(),
    )
}

fn value(value: &Value<'_>) -> Json {
    match value {
        // The attribute tells which of the two it is; the key of an entry does not.
        Value::Int(number) => json!(number),
        Value::Long(number) => json!(number),
        Value::Str(text) => json!(text.reveal()),
        Value::Text(text) => json!(text.reveal()),
        Value::Bin(bytes) => json!({ "bin": hex(bytes.reveal()) }),
        Value::Kvl(list) => self::list(list),
        Value::Struct(inside) => json!({ "struct": level(inside) }),
        Value::List(items) => json!({ "list": items.iter().map(level).collect::<Vec<_>>() }),
    }
}

/// A list, in the form of the test vectors.
pub(crate) fn list(list: &KvList) -> Json {
    let entries = list.into_iter();
    let pairs = entries.map(|entry| json!([entry.key.as_str(), entry_value(&entry.value)]));
    json!({ "kvl": pairs.collect::<Vec<_>>() })
}

fn entry_value(value: &KvValue) -> Json {
    match value {
        KvValue::Int(number) => json!(number),
        KvValue::Long(number) => json!({ "long": number }),
        KvValue::Str(text) => json!(text.reveal().as_str()),
        KvValue::Bin(bytes) => json!({ "bin": hex(bytes.reveal()) }),
        KvValue::List(inside) => list(inside),
    }
}

/// Bytes as hex digits, two for each.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
