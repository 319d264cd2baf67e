//! Who people are (B19.1).

use confer_core::ask::{Contact, Outcome};
use confer_core::frame::KvList;
use confer_core::id::ContactId;
use rusqlite::{OptionalExtension as _, Params, params};

use crate::identity::{self, Identity};
use crate::random;
use crate::stored;

use super::trouble::Trouble;
use super::{Answer, Work};

/// A contact that was found: its number, its id, and what is stored of it.
type Found = (i64, String, Vec<u8>);

impl Work<'_> {
    pub(super) fn contact(&self, contact: &Contact) -> Result<Answer, Trouble> {
        let Contact::Identify { tenant, user_data } = contact;
        let Some(identity) = Identity::of(user_data) else {
            let outcome = Outcome::Identified { contact: None, attributes: KvList::new() };
            return Ok(Answer::Done(outcome));
        };
        let (id, attributes) = match self.find_contact(tenant, &identity)? {
            Some((_, id, attributes)) => (id, stored::read_list(&attributes)?),
            None => self.meet(tenant, &identity, user_data)?,
        };
        Ok(Answer::Done(Outcome::Identified {
            contact: Some(ContactId::new(&id)),
            attributes: identity::overridden(&attributes, user_data),
        }))
    }

    /// The best-ranked attribute that is there decides; of several who share it, the next ones
    /// choose, and then the eldest.
    fn find_contact(&self, tenant: &str, identity: &Identity) -> Result<Option<Found>, Trouble> {
        let Identity { email, phone, name } = identity;
        let (first, last) = name.as_ref().map(|(first, last)| (first, last)).unzip();
        // Narrowest first; a choice that leaves nobody does not count. Each looks at the first row of
        // an index, or at those who share an address: they are few, for nobody new is met while
        // somebody has it.
        if let Some(email) = email {
            const ALL: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND email = ?2 AND +phone = ?3 AND +first_name = ?4
                AND +last_name = ?5 ORDER BY id LIMIT 1";
            const PHONE: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND email = ?2 AND +phone = ?3 ORDER BY id LIMIT 1";
            const NAME: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND email = ?2 AND +first_name = ?3 AND +last_name = ?4
                ORDER BY id LIMIT 1";
            const EMAIL: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND email = ?2 ORDER BY id LIMIT 1";
            let found = match (phone, name) {
                (Some(phone), Some(_)) => {
                    self.first(ALL, params![tenant, email, phone, first, last])?
                }
                (Some(_), None) | (None, _) => None,
            };
            let found = match (found, phone) {
                (None, Some(phone)) => self.first(PHONE, params![tenant, email, phone])?,
                (found, _) => found,
            };
            let found = match (found, name) {
                (None, Some(_)) => self.first(NAME, params![tenant, email, first, last])?,
                (found, _) => found,
            };
            return match found {
                Some(found) => Ok(Some(found)),
                None => self.first(EMAIL, params![tenant, email]),
            };
        }
        if let Some(phone) = phone {
            const NAME: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND phone = ?2 AND first_name = ?3 AND last_name = ?4
                ORDER BY id LIMIT 1";
            const PHONE: &str = "SELECT id, contact, attributes FROM contact
                WHERE tenant = ?1 AND phone = ?2 ORDER BY id LIMIT 1";
            if name.is_some()
                && let Some(found) = self.first(NAME, params![tenant, phone, first, last])?
            {
                return Ok(Some(found));
            }
            return self.first(PHONE, params![tenant, phone]);
        }
        const NAME: &str = "SELECT id, contact, attributes FROM contact
            WHERE tenant = ?1 AND first_name = ?2 AND last_name = ?3 ORDER BY id LIMIT 1";
        self.first(NAME, params![tenant, first, last])
    }

    fn first(&self, query: &str, params: impl Params) -> Result<Option<Found>, Trouble> {
        let mut query = self.connection.prepare_cached(query)?;
        let found = query.query_row(params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        Ok(found.optional()?)
    }

    /// Somebody new.
    fn meet(
        &self,
        tenant: &str,
        identity: &Identity,
        user_data: &KvList,
    ) -> Result<(String, KvList), Trouble> {
        let id = random::id();
        let attributes = identity::stored(user_data);
        let (first, last) = identity.name.as_ref().map(|(first, last)| (first, last)).unzip();
        let insert = "INSERT INTO contact
            (contact, tenant, email, phone, first_name, last_name, attributes, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(insert)?.execute(params![
            id,
            tenant,
            identity.email,
            identity.phone,
            first,
            last,
            stored::write_list(&attributes),
            self.now.as_unix_seconds(),
        ])?;
        Ok((id, attributes))
    }
}
