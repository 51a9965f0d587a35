//! HTTPS with a certificate of our own making.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Error;

/// The certificate that clients are to trust.
const AUTHORITY: &str = "ca.pem";
/// Its key: kept, so that clients that trust it go on trusting it after a restart.
const AUTHORITY_KEY: &str = "ca-key.pem";

/// Certifies `localhost`, the loopback addresses and `listen`, with the authority of the folder, which is made when
/// there is none. Only HTTP/1.1 is offered: a fault that cuts a connection is to hit one request.
pub(crate) fn acceptor(folder: &Path, listen: IpAddr) -> Result<TlsAcceptor, Error> {
    let failed = |reason: String| Error::Tls { path: folder.to_owned(), reason };
    let authority = authority(folder).map_err(failed)?;
    let config = certified(&authority, listen).map_err(failed)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn authority(folder: &Path) -> Result<Issuer<'static, KeyPair>, String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let (certificate, key) = (folder.join(AUTHORITY), folder.join(AUTHORITY_KEY));
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "dv-emulator: for tests on this machine only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    match (fs::read_to_string(&key), certificate.exists()) {
        (Ok(text), true) => {
            let known = KeyPair::from_pem(&text).map_err(|error| format!("{AUTHORITY_KEY}: {error}"))?;
            return Ok(Issuer::new(params, known));
        }
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("{AUTHORITY_KEY}: {error}"));
        }
        (Err(_), true) => {
            return Err(format!(
                "{AUTHORITY} is there without {AUTHORITY_KEY}, so it is somebody else's; name an empty folder"
            ));
        }
        _ => {}
    }
    let made = KeyPair::generate().map_err(|error| error.to_string())?;
    let signed = params.self_signed(&made).map_err(|error| error.to_string())?;
    write_secret(&key, &made.serialize_pem()).map_err(|error| format!("{AUTHORITY_KEY}: {error}"))?;
    fs::write(&certificate, signed.pem()).map_err(|error| format!("{AUTHORITY}: {error}"))?;
    Ok(Issuer::new(params, made))
}

/// Nobody else on this machine is to make certificates that its tests trust.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

fn certified(authority: &Issuer<'_, KeyPair>, listen: IpAddr) -> Result<ServerConfig, String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.is_loopback() && !listen.is_unspecified() {
        names.push(listen.to_string());
    }
    let mut params = CertificateParams::new(names).map_err(|error| error.to_string())?;
    params.distinguished_name.push(DnType::CommonName, "dv-emulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    // Some clients take no certificate that is valid for longer than 825 days.
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    params.not_before = day(today.yesterday().unwrap_or(today));
    params.not_after = day(today.saturating_add(jiff::Span::new().days(397)));
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = params.signed_by(&key, authority).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
