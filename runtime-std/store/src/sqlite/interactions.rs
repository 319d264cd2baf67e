//! Interactions, and their queues.

use confer_core::ask::{Failure, Interaction, Outcome};
use confer_core::frame::KvList;
use confer_core::id::InteractionId;
use rusqlite::{OptionalExtension as _, params};

use crate::interaction::changed;
use crate::stored;

use super::trouble::Trouble;
use super::{Answer, Work};

impl Work<'_> {
    pub(super) fn interaction(&self, interaction: &Interaction) -> Result<Answer, Trouble> {
        let outcome = match interaction {
            Interaction::Submit { interaction, tenant, queue, properties } => {
                // One that is there was submitted by an attempt whose answer was lost.
                let insert = "INSERT INTO interaction
                    (interaction, tenant, queue, submitter, properties, submitted_at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (interaction) DO NOTHING";
                self.connection.prepare_cached(insert)?.execute(params![
                    interaction.as_str(),
                    &**tenant,
                    &**queue,
                    self.me,
                    stored::write_list(properties),
                    self.now.as_unix_seconds(),
                ])?;
                Outcome::Done
            }
            Interaction::Change { interaction, properties } => {
                match self.properties(interaction)? {
                    None => Outcome::Failed(Failure::NotFound),
                    Some((id, old)) => {
                        let update = "UPDATE interaction SET properties = ?2 WHERE id = ?1";
                        let mut update = self.connection.prepare_cached(update)?;
                        let properties = changed(&old, properties);
                        update.execute(params![id, stored::write_list(&properties)])?;
                        Outcome::Done
                    }
                }
            }
            Interaction::Stop { interaction } => {
                let update = "UPDATE interaction SET stopped_at = coalesce(stopped_at, ?2)
                    WHERE interaction = ?1";
                let mut update = self.connection.prepare_cached(update)?;
                let now = self.now.as_unix_seconds();
                match update.execute(params![interaction.as_str(), now])? {
                    0 => Outcome::Failed(Failure::NotFound),
                    _ => Outcome::Done,
                }
            }
        };
        Ok(Answer::Done(outcome))
    }

    fn properties(&self, interaction: &InteractionId) -> Result<Option<(i64, KvList)>, Trouble> {
        let query = "SELECT id, properties FROM interaction WHERE interaction = ?1";
        let mut query = self.connection.prepare_cached(query)?;
        let row = query.query_row([interaction.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        let Some((id, properties)) = row.optional()? else { return Ok(None) };
        Ok(Some((id, stored::read_list(&properties)?)))
    }
}
