use super::*;
use alloc::format;
use alloc::vec::Vec;
use quickcheck::{Arbitrary, Gen, QuickCheck};

fn node(group: &str, name: &str, link: u64) -> Node {
    Node { group: Str::new(group), name: Str::new(name), link: LinkId(link) }
}

#[test]
fn everybody_of_a_group_gets_a_turn() {
    let mut nodes = Nodes::new();
    let all: Vec<_> = (0..3).map(|n| nodes.add(node("web", &format!("{n}"), n)).unwrap()).collect();
    let web = Str::new("web");
    let chosen: Vec<_> =
        (0..6).map(|_| nodes.choose(None, Some(&web)).expect("there are some")).collect();
    assert_eq!(chosen, [&all[..], &all[..]].concat());
}

#[test]
fn a_node_has_one_connection() {
    let mut nodes = Nodes::new();
    let key = nodes.add(node("web", "one", 1)).unwrap();
    assert_eq!(nodes.add(node("web", "one", 2)).unwrap(), key);
    // The end of the old connection is none of the node's.
    nodes.remove(key, LinkId(1));
    assert_eq!(nodes.node(key).map(|node| node.link), Some(LinkId(2)));
    nodes.remove(key, LinkId(2));
    assert!(nodes.node(key).is_none());
    assert_eq!(nodes.choose(Some(key), None), None);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Add(u8, u8),
    Remove(u8),
    Choose { bound: Option<u8>, group: Option<u8> },
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        let small = |g: &mut Gen| u8::arbitrary(g) % 4;
        match u8::arbitrary(g) % 4 {
            0 => Self::Add(small(g), small(g)),
            1 => Self::Remove(u8::arbitrary(g)),
            _ => Self::Choose {
                bound: Option::arbitrary(g),
                group: bool::arbitrary(g).then(|| small(g)),
            },
        }
    }
}

/// B10.3, against a plain list of the nodes there ever were.
#[test]
fn the_choice_is_the_best_there_is() {
    fn holds(ops: Vec<Op>) -> bool {
        let mut nodes = Nodes::new();
        // Every node there ever was: its group, its key, and its connection while it has one.
        let mut ever: Vec<(u8, u8, Key<Node>, Option<LinkId>)> = Vec::new();
        for (op, link) in ops.into_iter().zip(1..) {
            match op {
                Op::Add(group, name) => {
                    let added = node(&format!("{group}"), &format!("{name}"), link);
                    let key = nodes.add(added).expect("16 fit");
                    let link = Some(LinkId(link));
                    match ever.iter_mut().find(|it| (it.0, it.1) == (group, name) && it.3.is_some())
                    {
                        Some(there) if there.2 == key => there.3 = link,
                        Some(_) => return false,
                        None => ever.push((group, name, key, link)),
                    }
                }
                Op::Remove(index) => {
                    let count = ever.len().max(1);
                    let Some(there) = ever.get_mut(usize::from(index) % count) else { continue };
                    if let Some(link) = there.3.take() {
                        nodes.remove(there.2, link);
                    }
                }
                Op::Choose { bound, group } => {
                    let bound = bound.and_then(|index| {
                        ever.get(usize::from(index) % ever.len().max(1)).map(|it| it.2)
                    });
                    let name = group.map(|group| Str::new(&format!("{group}")));
                    let chosen = nodes.choose(bound, name.as_ref());
                    let alive: Vec<_> = ever.iter().filter(|it| it.3.is_some()).collect();
                    let best: Vec<_> = match bound {
                        Some(bound) if alive.iter().any(|it| it.2 == bound) => [bound].into(),
                        _ if alive.iter().any(|it| Some(it.0) == group) => {
                            let of = alive.iter().filter(|it| Some(it.0) == group);
                            of.map(|it| it.2).collect()
                        }
                        _ => alive.iter().map(|it| it.2).collect(),
                    };
                    let right = match chosen {
                        Some(chosen) => best.contains(&chosen),
                        None => best.is_empty(),
                    };
                    if !right {
                        return false;
                    }
                }
            }
            let mut groups: Vec<_> =
                ever.iter().filter(|it| it.3.is_some()).map(|it| it.0).collect();
            groups.sort_unstable();
            groups.dedup();
            let only = match nodes.group() {
                Ok(None) => groups.is_empty(),
                Ok(Some(group)) => groups.len() == 1 && **group == *format!("{}", groups[0]),
                Err(Several) => groups.len() > 1,
            };
            if !only {
                return false;
            }
        }
        true
    }
    QuickCheck::new().quickcheck(holds as fn(Vec<Op>) -> bool);
}
