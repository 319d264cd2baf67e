use std::io::{Read as _, Write as _};
use std::time::Duration;

use smol::future::FutureExt as _;

use super::*;

/// Longer than a loopback takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two ends of a connection; the first does not block.
fn pair() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (Arc::new(near), far)
}

/// Waits until something is told, as the server's thread does; all of it.
fn told(poller: &mut impl Poller) -> Vec<(u64, bool, bool)> {
    smol::block_on(async {
        loop {
            let late = async {
                smol::Timer::after(PATIENCE).await;
                panic!("nothing is told");
            };
            let ready = poller.ready().unwrap();
            if !ready.is_empty() {
                return ready.iter().map(|it| (it.token, it.read, it.write)).collect();
            }
            poller.readable().or(late).await.unwrap();
        }
    })
}

/// Whether nothing is told though a while passes. `readable` may wake for nothing.
fn is_quiet(poller: &mut impl Poller) -> bool {
    smol::block_on(async {
        for _ in 0..20 {
            let late = async {
                smol::Timer::after(Duration::from_millis(2)).await;
                Ok(())
            };
            poller.readable().or(late).await.unwrap();
            if !poller.ready().unwrap().is_empty() {
                return false;
            }
        }
        true
    })
}

fn holds<P: Poller>() {
    let mut poller = P::new().unwrap();
    let (near, mut far) = pair();
    let watched = Watched::Stream(Arc::clone(&near));
    poller.add(&watched, 7, false).unwrap();
    assert!(is_quiet(&mut poller), "nothing came, and room is not asked for");
    far.write_all(b"hello").unwrap();
    assert_eq!(told(&mut poller), [(7, true, false)]);
    // What was not taken is told again, and so is what was taken in part.
    assert_eq!(told(&mut poller), [(7, true, false)]);
    (&*near).read_exact(&mut [0; 2]).unwrap();
    assert_eq!(told(&mut poller), [(7, true, false)]);
    (&*near).read_exact(&mut [0; 3]).unwrap();
    assert!(is_quiet(&mut poller), "all was taken");
    poller.modify(&watched, 7, true).unwrap();
    assert_eq!(told(&mut poller), [(7, false, true)]);
    poller.modify(&watched, 7, false).unwrap();
    assert!(is_quiet(&mut poller), "room is not asked for any more");
    drop(far);
    assert_eq!(told(&mut poller), [(7, true, false)], "reading is how one learns of an end");
    poller.remove(&watched, 7).unwrap();
    assert!(is_quiet(&mut poller), "nobody waits for it");
    assert!(poller.remove(&watched, 7).is_err());
}

fn tells_of_many<P: Poller>() {
    let mut poller = P::new().unwrap();
    let pairs: Vec<_> = (0..2 * BATCH as u64 + 1).map(|token| (token, pair())).collect();
    for (token, (near, far)) in &pairs {
        poller.add(&Watched::Stream(Arc::clone(near)), *token, false).unwrap();
        (&*far).write_all(b"x").unwrap();
    }
    let mut left: Vec<u64> = pairs.iter().map(|(token, _)| *token).collect();
    while !left.is_empty() {
        let batch = told(&mut poller);
        assert!(batch.len() <= BATCH, "{} at a time", batch.len());
        for (token, ..) in batch {
            let (_, (near, _)) = pairs.iter().find(|(other, _)| *other == token).unwrap();
            // It may be told once more than there is to read.
            if (&**near).read(&mut [0; 8]).is_ok() {
                left.retain(|other| *other != token);
            }
        }
    }
    assert!(is_quiet(&mut poller));
}

#[test]
fn the_native_poller_tells_what_can_be_done_until_it_is_done() {
    holds::<Native>();
}

#[test]
fn sources_of_their_own_tell_what_can_be_done_until_it_is_done() {
    holds::<Single>();
}

#[test]
fn neither_forgets_anybody_among_many() {
    tells_of_many::<Native>();
    tells_of_many::<Single>();
}
