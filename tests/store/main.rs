//! Files in an imitation of S3 and on a web server, over real sockets that break on schedule.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

mod finding;
mod reading;
mod server;
mod writing;
