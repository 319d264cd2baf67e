//! The rules of docs/behaviour.md in the simulated world. One program, for each one more would be
//! built and linked with the whole server.

mod basic_events;
mod basic_identity;
mod basic_joining;
mod basic_leaving;
mod basic_notices;
mod basic_visibility;
mod client_verbs;
mod dormant;
mod esp;
mod esp_configure;
mod files;
mod files_permits;
mod flex;
mod flex_end;
mod inactivity;
mod keeping;
mod languages;
mod load_limits;
mod long_transcripts;
mod masking;
mod mixed_protocols;
mod once_only;
mod push;
mod taken_over;
