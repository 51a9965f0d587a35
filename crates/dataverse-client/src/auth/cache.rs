//! One token for all callers of a client.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::{Credential, Token};
use crate::Error;

/// Tokens are replaced this long before they end.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Holds the token; whoever finds it stale refreshes it while the others wait for the same lock.
#[derive(Debug)]
pub(crate) struct TokenCache {
    credential: Arc<dyn Credential>,
    scope: String,
    token: Mutex<Option<Token>>,
}

impl TokenCache {
    pub(crate) fn new(credential: Arc<dyn Credential>, scope: String) -> Self {
        Self { credential, scope, token: Mutex::new(None) }
    }

    /// A token that will last. Dropped half-way, the next caller asks anew.
    pub(crate) async fn get(&self) -> Result<Token, Error> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| lasts(token)) {
            return Ok(token.clone());
        }
        match self.ask().await {
            Ok(token) => Ok(held.insert(token).clone()),
            // The identity service may be away for a while; the old token serves until it really ends.
            Err(error) => {
                match held.as_ref().filter(|token| token.expires.is_none_or(|end| end > Timestamp::now())) {
                    Some(token) => {
                        tracing::warn!(error = %error, "token refresh failed, using the present one");
                        Ok(token.clone())
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// A token other than the one that was refused; if somebody else has already replaced it, that one.
    pub(crate) async fn replace(&self, refused: &Token) -> Result<Token, Error> {
        let mut held = self.token.lock().await;
        let is_the_refused =
            held.as_ref().is_none_or(|token| token.secret.expose_secret() == refused.secret.expose_secret());
        if is_the_refused {
            *held = None;
            *held = Some(self.ask().await?);
        }
        match held.as_ref() {
            Some(token) => Ok(token.clone()),
            None => self.ask().await,
        }
    }

    async fn ask(&self) -> Result<Token, Error> {
        self.credential
            .token(&self.scope)
            .await
            .map_err(|source| Error::Credential { scope: self.scope.clone(), source: source.into() })
    }
}

fn lasts(token: &Token) -> bool {
    token.expires.is_none_or(|end| end.duration_since(Timestamp::now()) > AHEAD)
}

#[cfg(test)]
mod tests {
    use super::super::CredentialError;
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Issues numbered tokens that last as long as it is told.
    #[derive(Debug)]
    struct Counting {
        asked: AtomicU32,
        lasts: SignedDuration,
    }

    #[async_trait::async_trait]
    impl Credential for Counting {
        async fn token(&self, _scope: &str) -> Result<Token, CredentialError> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if number > 2 {
                return Err(CredentialError::new("away"));
            }
            Ok(Token { secret: format!("t{number}").into(), expires: Some(Timestamp::now() + self.lasts) })
        }
    }

    fn cache(lasts: SignedDuration) -> (Arc<Counting>, TokenCache) {
        let credential = Arc::new(Counting { asked: AtomicU32::new(0), lasts });
        (Arc::clone(&credential), TokenCache::new(credential, "s".to_owned()))
    }

    #[tokio::test]
    async fn many_waiters_share_one_refresh() {
        let (credential, cache) = cache(SignedDuration::from_hours(1));
        let tokens = futures::future::join_all((0..50).map(|_| cache.get())).await;
        assert!(tokens.iter().all(|token| token.as_ref().unwrap().secret.expose_secret() == "t1"));
        assert_eq!(credential.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_token_is_replaced_ahead_of_its_end_and_kept_while_the_identity_service_is_away() {
        let (credential, cache) = cache(SignedDuration::from_mins(4));
        assert_eq!(cache.get().await.unwrap().secret.expose_secret(), "t1");
        assert_eq!(cache.get().await.unwrap().secret.expose_secret(), "t2");
        assert_eq!(cache.get().await.unwrap().secret.expose_secret(), "t2");
        assert_eq!(credential.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn many_who_are_refused_share_one_replacement() {
        let (credential, cache) = cache(SignedDuration::from_hours(1));
        let refused = cache.get().await.unwrap();
        let tokens = futures::future::join_all((0..50).map(|_| cache.replace(&refused))).await;
        assert!(tokens.iter().all(|token| token.as_ref().unwrap().secret.expose_secret() == "t2"));
        assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
    }
}
