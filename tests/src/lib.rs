//! The world Confer is tested in.

pub mod arbitrary;
pub mod clients;
pub mod echo;
pub mod fuzz;
pub mod http;
pub mod model;
pub mod people;
pub mod seeds;
#[cfg(feature = "sockets")]
pub mod suite;
pub mod talker;
pub mod web;
pub mod world;

pub use seeds::cases;
