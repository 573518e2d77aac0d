//! Passwords: Argon2id with 19 MiB, two passes and a salt of its own for each.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::secret::Secret;
use crate::http::Refusal;

/// Hashes at once: each takes 19 MiB and a processor.
const AT_ONCE: usize = 4;
/// Shortest and longest password, in bytes.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1024;

/// Hashes passwords, on threads on which nothing else waits.
#[derive(Debug)]
pub(crate) struct Hasher {
    turns: Arc<Semaphore>,
    #[cfg(test)]
    pub(crate) work: Arc<Work>,
    /// What the password of a user who is not there is compared with, so that it takes as long.
    decoy: String,
}

impl Hasher {
    pub(crate) async fn new() -> Result<Self, Refusal> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let decoy = Secret::new("").map_err(Refusal::internal)?;
        let hasher = Self {
            turns,
            #[cfg(test)]
            work: Arc::default(),
            decoy: String::new(),
        };
        let decoy = hasher.blocking(move || hash(decoy.text())).await??;
        Ok(Self { decoy, ..hasher })
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, Refusal> {
        if !LENGTH.contains(&password.len()) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            return Err(Refusal::bad(format!("a password has {least} to {most} bytes")));
        }
        let password = password.to_owned();
        self.blocking(move || hash(&password)).await?
    }

    /// Whether the password is that of the hash. Without a hash it is not, after the same time.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        if password.len() > *LENGTH.end() {
            return Ok(false);
        }
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let same = self.blocking(move || {
            let hash = PasswordHash::new(&hash).map_err(Refusal::internal)?;
            Ok::<_, Refusal>(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(same.await?? && known)
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let turn = self.turns.clone().acquire_owned().await.map_err(Refusal::internal)?;
        #[cfg(test)]
        let work = {
            let counted = self.work.clone();
            move || counted.of(work)
        };
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(Refusal::internal)
    }
}

fn hash(password: &str) -> Result<String, Refusal> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(Refusal::internal)?;
    Ok(hash.to_string())
}

/// How many hashes were computed, and how many at once.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) done: std::sync::atomic::AtomicUsize,
    running: std::sync::atomic::AtomicUsize,
    pub(crate) most: std::sync::atomic::AtomicUsize,
}

#[cfg(test)]
impl Work {
    fn of<T>(&self, work: impl FnOnce() -> T) -> T {
        use std::sync::atomic::Ordering::SeqCst;
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        let done = work();
        self.running.fetch_sub(1, SeqCst);
        self.done.fetch_add(1, SeqCst);
        done
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_has_a_salt_of_its_own_and_the_stated_cost() {
        let hasher = Hasher::new().await.unwrap();
        let one = hasher.hash("correct horse").await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hasher.hash("correct horse").await.unwrap());
        assert!(hasher.verify("correct horse", Some(&one)).await.unwrap());
        assert!(!hasher.verify("battery staple", Some(&one)).await.unwrap());
        assert!(!hasher.verify("correct horse", None).await.unwrap());
        assert!(hasher.hash("short").await.is_err());
    }
}
