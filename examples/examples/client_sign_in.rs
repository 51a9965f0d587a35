//! Where tokens come from: pick a credential by a word, and ask who it stands for.
//!
//! `cargo run --example client_sign_in` starts an emulator of its own and shows it a static token.
//! `cargo run --example client_sign_in -- azure-cli https://org.crm.dynamics.com` signs in for real.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::{
    Authority, AzureCli, Client, ClientCertificate, ClientSecret, Credential, CredentialError,
    ManagedIdentity, Options, StaticToken, Token, WorkloadIdentity,
};
use dataverse_emulator::Emulator;

/// A credential of one's own: whatever can give a token.
#[derive(Debug)]
struct FromFile(std::path::PathBuf);

#[async_trait::async_trait]
impl Credential for FromFile {
    async fn token(&self, _scope: &str) -> Result<Token, CredentialError> {
        let read = std::fs::read_to_string(&self.0);
        let text =
            read.map_err(|error| CredentialError::with_source("the token file cannot be read", error))?;
        Ok(Token { secret: text.trim().to_owned().into(), expires: None })
    }
}

fn credential(word: &str) -> anyhow::Result<Arc<dyn Credential>> {
    let setting = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    // Other clouds have another authority: `Authority::from("https://login.microsoftonline.us".parse()?)`.
    let authority = Authority::default();
    Ok(match word {
        "client-secret" => {
            let secret = setting("DV_CLIENT_SECRET")?.into();
            Arc::new(ClientSecret::new(
                &setting("DV_TENANT")?,
                &setting("DV_CLIENT_ID")?,
                &secret,
                &authority,
            )?)
        }
        "client-certificate" => {
            let pem = std::fs::read(setting("DV_CERTIFICATE")?)?;
            Arc::new(ClientCertificate::new(
                &setting("DV_TENANT")?,
                &setting("DV_CLIENT_ID")?,
                &pem,
                &authority,
            )?)
        }
        "managed-identity" => Arc::new(ManagedIdentity::new(None)?),
        "workload-identity" => Arc::new(WorkloadIdentity::new()?),
        "azure-cli" => Arc::new(AzureCli::new(None)?),
        "file" => Arc::new(FromFile(setting("DV_TOKEN_FILE")?.into())),
        "static-token" => Arc::new(StaticToken::new("user-1")),
        other => anyhow::bail!("`{other}` is no credential of this example"),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (word, url) = (words.next(), words.next());
    let emulator = match &url {
        Some(_) => None,
        None => Some(Emulator::start(dataverse_emulator::Options::default()).await?),
    };
    let url = url.or_else(|| emulator.as_ref().map(|emulator| emulator.url().clone())).context("a URL")?;
    let credential = credential(word.as_deref().unwrap_or("static-token"))?;
    let client = Client::new(Options::new(url.parse()?, credential))?;
    let me = client.who_am_i().await?;
    println!("user {} of organisation {}", me.user_id, client.organization().await?.name);

    // What the service said about its limits, on every answer.
    let limits = client.limits();
    println!("{:?} requests left, {:?} at a time recommended", limits.requests_left, limits.dop_hint);
    if let Some(emulator) = emulator {
        emulator.shutdown().await?;
    }
    Ok(())
}
