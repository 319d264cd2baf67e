//! The world Confer is tested in.

pub mod echo;
pub mod seeds;
pub mod talker;
pub mod world;

pub use seeds::cases;
