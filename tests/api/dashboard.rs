//! The page for people and what only it asks for, as browsers and other clients get it.

mod example;
mod page;
mod rules;
mod session;
mod timing;
mod version;
