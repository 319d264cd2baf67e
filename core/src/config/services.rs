//! The services of the web API: which endpoint a chat that is begun there goes to.

use alloc::collections::BTreeMap;
use alloc::format;

use super::Config;
use super::endpoints::Endpoints;
use super::error::Problem;
use super::section::Section;
use super::table::{Group, options};
use crate::text::Str;

options! {
    /// Section `chat.<name>`: a service of the web API, `/genesys/2/chat/<name>`.
    pub struct ChatService in "chat.<name>";

    /// Whether chats can be begun, and gone on with, under this name.
    enabled: bool = true, Kind::Boolean, "enabled", Now;
    /// Tenant of the endpoint; unset: `default-tenant` of the chat server (B4.2).
    tenant: Option<Str> = None, Kind::OrEmpty(&Kind::Name), "tenant", Now;
    /// Endpoint its chats are created at (B4.2).
    endpoint: Str = Str::default(), Kind::Name, "endpoint", Now;
}

impl ChatService {
    /// The endpoint, as a Join names it (B4.2).
    pub fn queue_key(&self) -> Str {
        match &self.tenant {
            Some(tenant) => Str::new(&format!("{tenant}:{}", self.endpoint)),
            None => self.endpoint.clone(),
        }
    }
}

impl Group for ChatService {
    fn of<'c>(config: &'c Config, section: Section<'_>) -> Option<&'c Self> {
        let Section::Chat(name) = section else { return None };
        config.services.named.get(name)
    }

    fn of_mut<'c>(config: &'c mut Config, section: Section<'_>) -> Option<&'c mut Self> {
        let Section::Chat(name) = section else { return None };
        Some(config.services.named.entry(Str::new(name)).or_default())
    }
}

/// The services, by the names of their sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Services {
    named: BTreeMap<Str, ChatService>,
    /// What is there while none is configured.
    built_in: ChatService,
}

impl Default for Services {
    fn default() -> Self {
        let endpoint = Str::new(Endpoints::DEFAULT);
        let built_in = ChatService { endpoint, ..ChatService::default() };
        Self { named: BTreeMap::new(), built_in }
    }
}

impl Services {
    /// How many services there may be.
    pub(crate) const MAX: usize = 1024;

    /// The service that is there while none is configured.
    const BUILT_IN: &'static str = "customer-support";

    /// The names, sorted.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(Str::as_str)
    }

    /// Whether the section is there or may still be added.
    pub(crate) fn admit(&self, section: &str) -> Result<(), Problem> {
        if self.named.len() < Self::MAX || self.named.contains_key(section) {
            Ok(())
        } else {
            Err(Problem::TooMany { limit: Self::MAX })
        }
    }

    /// Gives a section what it had, or takes it away if it was not there.
    pub(crate) fn keep(&mut self, old: &Self, section: &str) {
        match old.named.get_key_value(section) {
            Some((name, service)) => self.named.insert(name.clone(), service.clone()),
            None => self.named.remove(section),
        };
    }

    /// The service of this name, if it is switched on.
    pub(crate) fn find(&self, name: &str) -> Option<&ChatService> {
        let service = if self.named.is_empty() {
            Some(&self.built_in).filter(|_| name == Self::BUILT_IN)
        } else {
            self.named.get(name)
        };
        service.filter(|service| service.enabled)
    }
}

#[cfg(test)]
mod tests;
