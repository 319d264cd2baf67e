//! The server and its model, side by side through one script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use confer_core::ask::{
    Beginning, Contact, Interaction, Loaded, Outcome, Record, RecordName, Request as AskRequest,
};
use confer_core::door::{Action, External, Input, LinkChange, Trust};
use confer_core::frame::{Event, Frame, KvList, TranscriptEvent};
use confer_core::id::{EventId, InteractionId, LinkId, OpId, PortId, SessionId};
use confer_core::machine::{Machine, Progress};
use confer_core::server::Server;
use confer_core::text::Str;
use confer_core::time::{Instant, Stamp, Wall};
use confer_journal::{Recorder, Start};

use super::cast::{self, CAST};
use super::laws::Laws;
use super::life::texts;
use super::names::Names;
use super::script::{Elsewhere, Op, Script, Verdict};
use super::setting::RESEND;
use super::show;
use super::state::{Kind, Model, Out};
use crate::people::WALL;

/// The entropy of every server here: a script alone says how it goes.
const SEED: [u8; 32] = [7; 32];
/// Questions that may still be answered, in a script that is slow about it.
const OPEN_ASKS: usize = 64;

/// One turn of the server's.
#[derive(Clone, Debug)]
enum Turn {
    Input(Input),
    Timeout(usize),
}

/// All that went in, and all that came out.
#[derive(Debug)]
pub struct Journal {
    script: Script,
    turns: Vec<(Instant, Turn)>,
    actions: Vec<Action>,
}

impl Journal {
    /// What the server was made to do, in short words, such as `flex error 8209` and `status -1`.
    pub fn reached(&self) -> BTreeSet<String> {
        super::reach::reached(&self.actions)
    }

    /// The same as the bytes of a recorded server.
    ///
    /// # Panics
    ///
    /// If it cannot be recorded.
    pub fn record(&self, has_text: bool) -> Vec<u8> {
        let start = Start::new("a test", Arc::new(self.script.setting().config()), SEED, WALL);
        let start = if has_text { start } else { start.without_text() };
        let mut recorder = Recorder::new(server(&self.script), &start);
        for (now, turn) in &self.turns {
            match turn {
                Turn::Input(input) => recorder.handle(input.clone(), *now),
                Turn::Timeout(budget) => {
                    let _ = recorder.handle_timeout(*now, *budget);
                }
            }
            while recorder.poll_action().is_some() {}
        }
        recorder.finish();
        assert_eq!(recorder.lost(), None);
        recorder.output().to_vec()
    }

    /// Whether another server does the same, to the last action.
    pub fn replays(self) -> bool {
        let mut server = server(&self.script);
        let mut actions = self.actions.into_iter();
        for (now, turn) in self.turns {
            match turn {
                Turn::Input(input) => server.handle(input, now),
                Turn::Timeout(budget) => {
                    let _ = server.handle_timeout(now, budget);
                }
            }
            while let Some(action) = server.poll_action() {
                if actions.next().as_ref() != Some(&action) {
                    return false;
                }
            }
        }
        actions.next().is_none()
    }
}

/// Runs a script beside the model, and to its end: everybody leaves, and time passes until nothing
/// is left to wait for.
///
/// # Errors
///
/// Tells the first difference, and what broke a law.
pub fn run(script: &Script) -> Result<Journal, String> {
    let mut run = Run::new(script);
    for op in script.opening() {
        run.step(0, op).map_err(|error| format!("before all {op:?}: {error}"))?;
    }
    for (number, op) in script.operations().into_iter().enumerate() {
        run.step(number + 1, op).map_err(|error| format!("at {number} {op:?}: {error}"))?;
    }
    run.end().map_err(|error| format!("in the end: {error}"))?;
    Ok(run.journal)
}

fn server(script: &Script) -> Server {
    let config = Arc::new(script.setting().config());
    Server::new(config, SEED, WALL, Instant::ZERO)
}

struct Run {
    server: Server,
    model: Model,
    names: Names,
    laws: Laws,
    journal: Journal,
    now: u64,
    /// The connection of each of the cast, while there is one.
    slots: [Option<usize>; CAST.len()],
    /// Whose each connection is, or was.
    owners: Vec<usize>,
    references: u32,
    /// Questions that were asked, by their numbers in the model and with the server.
    asks: Vec<(usize, OpId)>,
    /// What each session has saved, as the server wrote it.
    saved: BTreeMap<usize, BTreeMap<EventId, TranscriptEvent>>,
    prompt: bool,
    /// From now on sessions may come in any order.
    any_order: bool,
    /// Actions of the server that were not held against the model yet.
    unread: Vec<Action>,
}

impl Run {
    fn new(script: &Script) -> Self {
        Self {
            server: server(script),
            model: Model::new(script.setting(), WALL),
            names: Names::default(),
            laws: Laws::default(),
            journal: Journal { script: script.clone(), turns: Vec::new(), actions: Vec::new() },
            now: 0,
            slots: [None; CAST.len()],
            owners: Vec::new(),
            references: 0,
            asks: Vec::new(),
            saved: BTreeMap::new(),
            prompt: true,
            any_order: false,
            unread: Vec::new(),
        }
    }

    fn step(&mut self, number: usize, op: Op) -> Result<(), String> {
        // Every operation has a millisecond of its own.
        self.pass(1)?;
        match op {
            Op::Pass(millis) => self.pass(millis)?,
            Op::Correct(millis) => {
                let shown = WALL.unix_millis(Instant::from_millis(self.now)) + millis;
                let wall = Wall::new(Instant::from_millis(self.now), shown);
                self.model.corrected(wall);
                self.input(Input::Wall(wall))?;
            }
            Op::Connect(slot) => self.connect(slot)?,
            Op::Lose(slot) => {
                if let Some(link) = self.slots[slot] {
                    self.lost(link)?;
                }
            }
            Op::Answer(which, verdict) => {
                if !self.asks.is_empty() {
                    let index = usize::from(which) % self.asks.len();
                    let (ask, id) = self.asks.remove(index);
                    self.answer(ask, id, verdict)?;
                }
            }
            Op::Prompt(prompt) => {
                self.prompt = prompt;
                self.catch_up()?;
            }
            Op::Elsewhere(elsewhere) => self.elsewhere(elsewhere)?,
            Op::Register(slot, _) => {
                self.connect(slot)?;
                self.request(op, number)?;
            }
            Op::Create(.., extras) | Op::FlexCreate(.., extras) => {
                for _ in 0..extras.times {
                    self.request(op, number)?;
                }
            }
            Op::Unregister(_)
            | Op::Join(..)
            | Op::Say(..)
            | Op::Notify(..)
            | Op::Release(..)
            | Op::Login(..)
            | Op::FlexJoin(..)
            | Op::Refresh(..)
            | Op::FlexNotify(..)
            | Op::Logout(..)
            | Op::Call(..) => self.request(op, number)?,
        }
        Ok(())
    }

    fn request(&mut self, op: Op, number: usize) -> Result<(), String> {
        let Some((slot, request)) = cast::request(op, &self.model, &self.names, number) else {
            return Ok(());
        };
        let Some(link) = self.slots[slot] else { return Ok(()) };
        self.references += 1;
        let frame = Frame::new(self.references, request);
        self.laws.asked(link, &frame);
        let body = self.names.request(frame.body.clone());
        self.model.asked(link, frame);
        let frame = Frame::new(self.references, body);
        self.input(Input::Frame { link: LinkId(link as u64), frame })
    }

    fn connect(&mut self, slot: usize) -> Result<(), String> {
        if self.slots[slot].is_some() {
            return Ok(());
        }
        let port = CAST[slot].port;
        let link = self.owners.len();
        self.owners.push(slot);
        self.slots[slot] = Some(link);
        self.model.opened(port);
        let trust = if port == PortId::Web { Trust::Gateway } else { Trust::Open };
        let change = LinkChange::Opened { port, trust };
        self.input(Input::Link { link: LinkId(link as u64), change })
    }

    fn lost(&mut self, link: usize) -> Result<(), String> {
        self.slots[self.owners[link]] = None;
        self.laws.closed(link);
        self.model.closed(link);
        self.input(Input::Link { link: LinkId(link as u64), change: LinkChange::Closed })
    }

    fn answer(&mut self, ask: usize, op: OpId, verdict: Verdict) -> Result<(), String> {
        let mut outcome = cast::outcome(&self.model.asks[ask].kind, verdict);
        if self.model.asks[ask].kind == Kind::Load && outcome == Outcome::Done {
            let saved = self.saved.get(&self.model.asks[ask].session);
            let events: Vec<_> = saved.into_iter().flat_map(BTreeMap::values).cloned().collect();
            let reserved_to = events.last().map_or(EventId::NONE, |event| event.event_id);
            // The machine knows which record it asked for; of the rest, it wants the events.
            let session = SessionId::new("S");
            let interaction = InteractionId::new(session.as_str());
            let beginning = Beginning {
                contact: None,
                start_at: Stamp::from_unix_seconds(0),
                subject: None,
                user_data: KvList::new(),
                tenant: Str::new("1"),
                queue: Str::new("default"),
                interaction,
            };
            outcome = Outcome::Loaded(Box::new(Loaded {
                session,
                beginning,
                generation: 1,
                owner: None,
                end_at: None,
                events,
                reserved_to,
                leaves: Vec::new(),
            }));
        }
        self.model.answered(ask, &outcome);
        self.input(Input::Done { op, outcome })
    }

    fn elsewhere(&mut self, elsewhere: Elsewhere) -> Result<(), String> {
        let chosen = |session| cast::chosen(&self.model, session);
        let id = |session: usize| self.names.id(&format!("S{session}"));
        let input = match elsewhere {
            Elsewhere::StoreUp => {
                self.model.store_is_back();
                Input::External(External::ContactStoreUp)
            }
            Elsewhere::InteractionStopped(session) => {
                let Some(session) = chosen(session) else { return Ok(()) };
                let interaction = InteractionId::new(&id(session));
                self.model.interaction_stopped(session);
                Input::External(External::InteractionStopped { interaction })
            }
            Elsewhere::Purge(session, generation) => {
                let Some(number) = chosen(session) else { return Ok(()) };
                let session = SessionId::new(&id(number));
                self.model.purge(number, Some(generation));
                Input::External(External::Purge { session, generation })
            }
            Elsewhere::Enabled(enabled) => {
                self.model.setting.idle = enabled;
                Input::Config(Arc::new(self.model.setting.config()))
            }
            Elsewhere::Drain => {
                self.model.drain();
                Input::Drain
            }
            Elsewhere::CloseSessions => {
                self.model.close_sessions();
                // Which of the sessions closes first is nobody's business, nor what follows from it.
                self.any_order = true;
                Input::CloseSessions
            }
        };
        self.input(input)
    }

    /// The outside answers everything it was asked, in order.
    fn catch_up(&mut self) -> Result<(), String> {
        while self.prompt && !self.asks.is_empty() {
            let (ask, op) = self.asks.remove(0);
            self.answer(ask, op, Verdict::Done)?;
        }
        Ok(())
    }

    /// Something happens to the server; what it does about it is what the model says.
    fn input(&mut self, input: Input) -> Result<(), String> {
        let now = Instant::from_millis(self.now);
        self.journal.turns.push((now, Turn::Input(input.clone())));
        self.server.handle(input, now);
        self.compare()
    }

    /// So much time passes. Nothing expires a millisecond early, or late.
    fn pass(&mut self, millis: u64) -> Result<(), String> {
        let to = self.now + millis;
        while let Some(at) = self.model.next().filter(|at| *at <= to) {
            self.sleep(at.saturating_sub(1).max(self.now));
            self.compare().map_err(|error| format!("a millisecond before {at}: {error}"))?;
            self.sleep(at);
            self.model.passed(at);
            self.compare().map_err(|error| format!("expired at {at}: {error}"))?;
        }
        self.sleep(to);
        self.model.passed(to);
        self.compare()
    }

    /// Does as a shell does: wakes when the server wants it, and no sooner.
    fn sleep(&mut self, to: u64) {
        while let Some(at) = self.server.poll_timeout().filter(|at| at.as_millis() <= to) {
            self.now = self.now.max(at.as_millis());
            let now = Instant::from_millis(self.now);
            let budget = 1 + self.journal.turns.len() % 2;
            self.journal.turns.push((now, Turn::Timeout(budget)));
            let _: Progress = self.server.handle_timeout(now, budget);
            self.drain();
        }
        self.now = to;
    }

    fn drain(&mut self) {
        while let Some(action) = self.server.poll_action() {
            self.journal.actions.push(action.clone());
            self.unread.push(action);
        }
    }

    /// Holds what the server did against what the model expects, and carries it out.
    fn compare(&mut self) -> Result<(), String> {
        self.drain();
        let mut frames: BTreeMap<usize, [Vec<Frame<Event>>; 2]> = BTreeMap::new();
        let (mut closes, mut asks) = ([Vec::new(), Vec::new()], Vec::new());
        for action in std::mem::take(&mut self.unread) {
            match action {
                Action::Send { link: LinkId(link), frame } => {
                    let link = usize::try_from(link).expect("a number of ours");
                    // A shell drops what goes to a connection that is gone.
                    if self.model.links[link].open {
                        frames.entry(link).or_default()[0].push(frame);
                    }
                }
                Action::Close { link: LinkId(link), .. } => {
                    closes[0].push(usize::try_from(link).expect("a number of ours"));
                }
                Action::Ask { op, request } => asks.push((op, request)),
                Action::Report(_) => {}
            }
        }
        let mut expected_asks = Vec::new();
        for out in self.model.take() {
            match out {
                Out::Send(link, frame) => frames.entry(link).or_default()[1].push(frame),
                Out::Close(link) => closes[1].push(link),
                Out::Ask(ask) => expected_asks.push(ask),
            }
        }
        self.compare_asks(asks, expected_asks)?;
        for (link, [mut real, mut expected]) in frames {
            if self.any_order {
                real.sort_by_key(|frame| {
                    show::session(frame).and_then(|id| self.names.session(id))
                });
                let number =
                    |id: &str| id.strip_prefix('S').and_then(|id| id.parse::<usize>().ok());
                expected.sort_by_key(|frame| show::session(frame).and_then(number));
            }
            self.compare_frames(link, real, &expected)?;
        }
        let [real, expected] = closes;
        if real != expected {
            return Err(format!("closes {real:?} instead of {expected:?}"));
        }
        for link in real {
            self.lost(link)?;
        }
        let (held, expected) = (self.server.sessions(), self.model.held());
        if held != expected {
            return Err(format!("holds {held} sessions instead of {expected}"));
        }
        let (wakes, expected) = (self.server.poll_timeout(), self.model.next());
        let expected = expected.map(Instant::from_millis);
        // A timer that nobody waits for any more would keep the server awake for ever.
        if wakes.is_some() != expected.is_some() || wakes > expected {
            return Err(format!("wakes at {wakes:?} instead of {expected:?}"));
        }
        self.catch_up()
    }

    fn compare_frames(
        &mut self,
        link: usize,
        real: Vec<Frame<Event>>,
        expected: &[Frame<Event>],
    ) -> Result<(), String> {
        let who = CAST[self.owners[link]];
        let count = real.len();
        for (index, frame) in real.into_iter().enumerate() {
            let frame = self.names.frame(frame, expected.get(index));
            let lawful = self.laws.told(link, who.user_type, &frame);
            let is = show::frame(&frame);
            lawful.map_err(|law| format!("{} gets\n    {is}\n  {law}", who.nickname))?;
            if expected.get(index) != Some(&frame) {
                let expected = expected.get(index).map(show::frame);
                let expected = expected.unwrap_or_else(|| "nothing".to_owned());
                let who = who.nickname;
                return Err(format!("{who} gets\n    {is}\n  instead of\n    {expected}"));
            }
        }
        match expected.get(count) {
            Some(missing) => {
                Err(format!("{} never gets\n    {}", who.nickname, show::frame(missing)))
            }
            None => Ok(()),
        }
    }

    /// Questions of one turn may come in any order; each must be one the model expects.
    fn compare_asks(
        &mut self,
        real: Vec<(OpId, AskRequest)>,
        mut expected: Vec<usize>,
    ) -> Result<(), String> {
        for (op, request) in real {
            let (id, kind) = asked(&request).ok_or("a question of no kind")?;
            let found = expected.iter().position(|&ask| {
                let ask = &self.model.asks[ask];
                let name = id.as_deref().map(|id| self.names.session(id));
                // A new session's id is told with its record; before that, it has none.
                let is_new = matches!(kind, Kind::Create(..)) && name == Some(None);
                ask.kind == kind && (name.is_none() || name == Some(Some(ask.session)) || is_new)
            });
            let Some(found) = found else {
                let expected: Vec<_> =
                    expected.iter().map(|&ask| &self.model.asks[ask].kind).collect();
                return Err(format!("asks {kind:?} instead of {expected:?}"));
            };
            let ask = expected.remove(found);
            let session = self.model.asks[ask].session;
            if let Some(id) = &id
                && matches!(kind, Kind::Create(..))
            {
                self.names.pair(id, &format!("S{session}"));
                self.model.sessions[session].announced = true;
            }
            if let AskRequest::Record(
                Record::Append { events, .. } | Record::Final { events, .. },
            ) = &request
            {
                let saved = self.saved.entry(session).or_default();
                saved.extend(events.iter().map(|event| (event.event_id, event.clone())));
                let expected = self.model.asks[ask].events.clone();
                let events = self.names.events(events.clone().into(), &expected);
                if events != expected {
                    let [is, should] = [show::events(&events), show::events(&expected)];
                    return Err(format!("saves {is}\n  instead of{should}"));
                }
            }
            if let AskRequest::Interaction(Interaction::Submit { properties, .. }) = &request {
                self.learn_password(session, properties)?;
            }
            self.asks.push((ask, op));
            if self.asks.len() > OPEN_ASKS {
                self.asks.remove(0);
            }
        }
        match expected.first() {
            Some(&ask) => Err(format!("never asks {:?}", self.model.asks[ask].kind)),
            None => Ok(()),
        }
    }

    /// B3.7: the password is attached to the interaction.
    fn learn_password(&mut self, session: usize, properties: &KvList) -> Result<(), String> {
        let told = properties.text("ChatServerSessionPassword");
        match (&self.model.sessions[session].password, told) {
            (None, None) => Ok(()),
            (Some(name), Some(told)) if name.starts_with('W') => {
                self.names.pair(&told, name);
                Ok(())
            }
            (Some(known), Some(told)) if *known == told => Ok(()),
            (known, told) => Err(format!("B3.7: password {told:?} instead of {known:?}")),
        }
    }

    /// Everybody goes, the outside is well, and time passes until there is nothing to wait for.
    fn end(&mut self) -> Result<(), String> {
        self.prompt = true;
        self.catch_up()?;
        // What failed is asked once more.
        self.pass(RESEND)?;
        self.laws.end()?;
        for link in self.slots.into_iter().flatten() {
            self.lost(link)?;
        }
        while let Some(at) = self.model.next() {
            self.pass(at.saturating_sub(self.now))?;
        }
        match (self.server.sessions(), self.server.poll_timeout()) {
            (0, None) => Ok(()),
            (sessions, timeout) => Err(format!("{sessions} sessions, next {timeout:?}")),
        }
    }
}

/// What a question is, and the id of its session.
fn asked(request: &AskRequest) -> Option<(Option<String>, Kind)> {
    let numbers = |events: &[TranscriptEvent]| {
        events.iter().map(|event| EventId::number(event.event_id)).collect()
    };
    Some(match request {
        AskRequest::Contact(Contact::Identify { user_data, .. }) => {
            (None, Kind::Identify(texts(user_data)))
        }
        AskRequest::Record(Record::Create { session, beginning }) => {
            let Beginning { contact, user_data, .. } = &**beginning;
            let contact = contact.as_ref().map(|id| id.as_str().to_owned());
            (Some(session.to_string()), Kind::Create(contact, texts(user_data)))
        }
        AskRequest::Record(Record::Load { name: RecordName::Session(session), .. }) => {
            (Some(session.to_string()), Kind::Load)
        }
        AskRequest::Record(Record::Discard { session }) => {
            (Some(session.to_string()), Kind::Discard)
        }
        AskRequest::Record(Record::Append { session, events, .. }) => {
            (Some(session.to_string()), Kind::Append(numbers(events)))
        }
        AskRequest::Record(Record::Final { session, events, .. }) => {
            (Some(session.to_string()), Kind::Final(numbers(events)))
        }
        AskRequest::Record(Record::Spool { session, events, .. }) => {
            (Some(session.to_string()), Kind::Spool(numbers(events)))
        }
        AskRequest::Interaction(Interaction::Submit { interaction, properties, .. }) => {
            let mut properties = properties.clone();
            let secrets = ["ChatServerSessionPassword", "ChatServerWebapiToken"];
            properties.retain(|entry| !secrets.contains(&&*entry.key));
            (Some(interaction.to_string()), Kind::Submit(texts(&properties)))
        }
        AskRequest::Interaction(Interaction::Change { interaction, properties }) => {
            (Some(interaction.to_string()), Kind::Change(texts(properties)))
        }
        AskRequest::Interaction(Interaction::Stop { interaction }) => {
            (Some(interaction.to_string()), Kind::Stop)
        }
        AskRequest::Record(_) | AskRequest::Document(_) | AskRequest::Instance(_) => return None,
    })
}
