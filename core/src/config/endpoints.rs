//! Endpoints: which queue a session's interaction goes to.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::error::Problem;
use super::kind::Kind;
use super::table::{Effect, OptionInfo};
use super::value::Value as _;
use crate::text::Str;

/// The sections `endpoints:<tenant>` (B4.2), `tenant:endpoint` ↦ queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints(BTreeMap<Str, Str>);

/// An endpoint, and the queue behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The endpoint's name.
    pub name: &'a str,
    /// The interaction queue.
    pub queue: &'a str,
}

/// There is no such endpoint: 8310.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEndpoint;

impl fmt::Display for UnknownEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such endpoint")
    }
}

impl core::error::Error for UnknownEndpoint {}

impl Endpoints {
    /// How many endpoints there may be, those of all tenants together; so no more tenants either.
    pub(crate) const MAX: usize = 4096;

    /// The name of the endpoint of whoever names none.
    pub(crate) const DEFAULT: &'static str = "default";

    /// What is there while nothing is configured.
    const BUILT_IN: (&'static str, &'static str) = ("1:default", "default");

    pub(crate) const OPTIONS: [OptionInfo; 2] = [
        OptionInfo {
            section: "endpoints:<tenant>",
            name: Self::DEFAULT,
            alias: None,
            kind: Kind::SHORT_TEXT,
            effect: Effect::Now,
            meaning: "Queue of a Join that names no endpoint; without any such section, \
                      endpoints:1 exists with the queue default (B4.2).",
            default: || None,
        },
        OptionInfo {
            section: "endpoints:<tenant>",
            name: "<endpoint>",
            alias: None,
            kind: Kind::SHORT_TEXT,
            effect: Effect::Now,
            meaning: "Queue of a further endpoint, addressed as <tenant>:<endpoint> (B4.2).",
            default: || None,
        },
    ];

    pub(crate) fn set(&mut self, tenant: &str, name: &str, queue: &str) -> Result<(), Problem> {
        if !Kind::Name.admits(name) {
            return Err(Problem::BadName { valid: Kind::Name });
        }
        let valid = Kind::SHORT_TEXT;
        let queue = Str::read(queue, &valid)
            .ok_or_else(|| Problem::BadValue { value: Some(queue.into()), valid })?;
        let key = Str::new(&key(tenant, name));
        if self.0.len() == Self::MAX && !self.0.contains_key(&key) {
            return Err(Problem::TooMany { limit: Self::MAX });
        }
        self.0.insert(key, queue);
        Ok(())
    }

    /// The endpoint of this tenant and name.
    pub(crate) fn find(&self, tenant: &str, name: &str) -> Option<Endpoint<'_>> {
        self.at(&key(tenant, name))
    }

    /// The endpoint of this key, `tenant:endpoint`.
    pub(crate) fn at(&self, key: &str) -> Option<Endpoint<'_>> {
        let (key, queue) = if self.0.is_empty() {
            Some(Self::BUILT_IN).filter(|built_in| built_in.0 == key)?
        } else {
            self.0.get_key_value(key).map(|(key, queue)| (key.as_str(), queue.as_str()))?
        };
        let (tenant, name) = key.split_once(':')?;
        Some(Endpoint { tenant, name, queue })
    }

    /// Gives an endpoint the queue it had, or takes it away if it was not there.
    pub(crate) fn keep(&mut self, old: &Self, tenant: &str, name: &str) {
        let key = key(tenant, name);
        match old.0.get_key_value(key.as_str()) {
            Some((key, queue)) => self.0.insert(key.clone(), queue.clone()),
            None => self.0.remove(key.as_str()),
        };
    }

    /// Tenant and name of every endpoint whose queue differs in `newer`, sorted.
    pub(crate) fn differences<'a>(
        &'a self,
        newer: &'a Self,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut keys: BTreeMap<&str, ()> = BTreeMap::new();
        for endpoints in [self, newer] {
            keys.extend(endpoints.keys().map(|key| (key, ())));
        }
        keys.into_keys()
            .filter(|key| self.at(key) != newer.at(key))
            .filter_map(|key| key.split_once(':'))
    }

    /// The endpoints that are configured, sorted.
    #[cfg(feature = "serde")]
    pub(crate) fn each(&self) -> impl Iterator<Item = Endpoint<'_>> {
        self.0.iter().filter_map(|(key, queue)| {
            let (tenant, name) = key.split_once(':')?;
            Some(Endpoint { tenant, name, queue })
        })
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let built_in = self.0.is_empty().then_some(Self::BUILT_IN.0);
        self.0.keys().map(Str::as_str).chain(built_in)
    }
}

fn key(tenant: &str, name: &str) -> String {
    format!("{tenant}:{name}")
}

#[cfg(test)]
mod tests;
