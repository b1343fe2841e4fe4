//! Settings of who may come in, and that nobody opens a server to others by accident.

use std::path::PathBuf;

use super::parse::{Read, yes_or_no};
use super::settings::Setting;
use super::{Config, settings};
use crate::access;
use crate::sockets::is_loopback;
use crate::sockets::tls::Files;

impl Read<'_> {
    fn path(&mut self, setting: &Setting) -> Option<PathBuf> {
        // A variable that somebody forgot to fill must not take the lock from the door.
        if self.is_empty(setting) {
            self.mistake(setting, "it is empty, expected the path of a file");
        }
        self.optional(setting, |text| Ok(PathBuf::from(text)))
    }

    pub(super) fn access(&mut self) -> access::Config {
        let keys = self.path(&settings::AUTH_KEYS);
        let open = self.value(&settings::OPEN_OPERATE, yes_or_no);
        // Who has a certificate may do everything.
        let known = self.is_given(&settings::TLS_CLIENT_CA);
        access::Config { keys, far_may_operate: open || known }
    }

    pub(super) fn tls(&mut self) -> Option<Files> {
        let cert = self.path(&settings::TLS_CERT);
        let key = self.path(&settings::TLS_KEY);
        let client_ca = self.path(&settings::TLS_CLIENT_CA);
        match (&cert, &key) {
            (Some(_), None) => self.mistake(&settings::TLS_CERT, "needs tls-key, its private key"),
            (None, Some(_)) => self.mistake(&settings::TLS_KEY, "needs tls-cert, its certificate"),
            (None, None) if client_ca.is_some() => {
                self.mistake(&settings::TLS_CLIENT_CA, "needs tls-cert and tls-key");
            }
            _ => {}
        }
        Some(Files { cert: cert?, key: key?, client_ca })
    }

    /// Every address that others reach must be guarded, or said to be open.
    pub(super) fn guarded(&mut self, config: &Config) {
        let insecure = self.value(&settings::INSECURE, yes_or_no);
        if insecure || config.access.keys.is_some() {
            return;
        }
        let clients_are_known = self.is_given(&settings::TLS_CLIENT_CA);
        let by_port = self.is_given(&settings::HTTP_PORT);
        let http = if by_port { &settings::HTTP_PORT } else { &settings::HTTP_ADDR };
        for (setting, address) in [
            (http, Some(config.http_address)),
            (&settings::GRPC_ADDR, config.grpc_address),
            (&settings::METRICS_ADDR, config.metrics_address),
        ] {
            let Some(address) = address.filter(|address| !is_loopback(address.ip())) else {
                continue;
            };
            // There certificates of clients are not demanded.
            let is_metrics = setting.name == settings::METRICS_ADDR.name;
            if clients_are_known && !is_metrics {
                continue;
            }
            let certificates =
                if is_metrics { "" } else { "or tls-client-ca to demand certificates, " };
            let reason = format!(
                "other machines reach {address}, and nothing asks who they are: set auth-keys to \
                 ask for keys, {certificates}or insecure if something before the server does"
            );
            self.mistake(setting, &reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Errors, Sources};

    fn read(flags: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let flags = flags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::read(&Sources::new(flags, BTreeMap::new())).map_err(|Errors(errors)| errors)
    }

    #[test]
    fn an_address_that_others_reach_is_not_open_by_accident() {
        let all =
            [("http-addr", "0.0.0.0:1"), ("grpc-addr", "[::]:2"), ("metrics-addr", "10.0.0.1:3")];
        let errors = read(&all).unwrap_err();
        assert_eq!(errors.len(), 3);
        for ((setting, address), error) in all.iter().zip(&errors) {
            let beginning = format!("--{setting}: other machines reach {address}, ");
            assert!(error.starts_with(&beginning), "{error}");
            assert!(["auth-keys", "insecure"].iter().all(|word| error.contains(word)), "{error}");
            // There they are not demanded.
            assert_eq!(error.contains("tls-client-ca"), *setting != "metrics-addr", "{error}");
        }
        assert!(read(&[("http-port", "1")]).unwrap_err()[0].starts_with("--http-port: other"));
        for way_out in [("auth-keys", "f"), ("insecure", "true")] {
            read(&[&all[..], &[way_out]].concat()).unwrap();
        }
        let tls = [("tls-cert", "c"), ("tls-key", "k"), ("tls-client-ca", "a")];
        read(&[&all[..2], &tls].concat()).unwrap();
        let errors = read(&[&all[..], &tls].concat()).unwrap_err();
        assert!(errors.len() == 1 && errors[0].starts_with("--metrics-addr: "), "{errors:?}");
        // Encrypted is not known.
        assert_eq!(read(&[&all[..], &tls[..2]].concat()).unwrap_err().len(), 3);
        for near in ["127.0.0.1:1", "[::1]:1", "127.5.5.5:1", "[::ffff:127.0.0.1]:1"] {
            read(&[("http-addr", near)]).unwrap();
        }
    }

    #[test]
    fn a_file_without_a_name_is_a_mistake_and_not_none() {
        for setting in ["auth-keys", "tls-cert", "tls-key", "tls-client-ca"] {
            let errors = read(&[(setting, "")]).unwrap_err();
            assert!(errors[0].starts_with(&format!("--{setting}: ")), "{errors:?}");
        }
    }

    #[test]
    fn certificate_and_key_come_together() {
        let errors = |flags: &[(&str, &str)]| read(flags).unwrap_err();
        assert_eq!(errors(&[("tls-cert", "c")]), ["--tls-cert: needs tls-key, its private key"]);
        assert_eq!(errors(&[("tls-key", "k")]), ["--tls-key: needs tls-cert, its certificate"]);
        assert_eq!(
            errors(&[("tls-client-ca", "a")]),
            ["--tls-client-ca: needs tls-cert and tls-key"]
        );
    }

    #[test]
    fn only_open_operate_and_certificates_let_others_operate_without_keys() {
        let may = |flags: &[(&str, &str)]| read(flags).unwrap().access.far_may_operate;
        assert!(!may(&[]));
        assert!(!may(&[("insecure", "true")]));
        assert!(may(&[("insecure", "true"), ("open-operate", "true")]));
        assert!(may(&[("tls-cert", "c"), ("tls-key", "k"), ("tls-client-ca", "a")]));
    }
}
