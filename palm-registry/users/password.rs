//! Passwords: Argon2id with 19 MiB, two passes and a salt of its own for each.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::secret::Secret;
use crate::http::Refusal;

/// Hashes at once: each takes 19 MiB and a processor.
const AT_ONCE: usize = 4;
/// Shortest and longest password, in bytes.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1024;

type Memory = Vec<Block>;

/// Hashes passwords, on threads on which nothing else waits.
#[derive(Debug)]
pub(crate) struct Hasher {
    turns: Arc<Semaphore>,
    /// What they work in, kept from one to the next: given back, it would stay with each thread that ever had some.
    memories: Arc<Mutex<Vec<Memory>>>,
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
            memories: Arc::default(),
            #[cfg(test)]
            work: Arc::default(),
            decoy: String::new(),
        };
        let decoy = hasher.blocking(move |memory| hash(decoy.text(), memory)).await??;
        Ok(Self { decoy, ..hasher })
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, Refusal> {
        if !LENGTH.contains(&password.len()) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            return Err(Refusal::bad(format!("a password has {least} to {most} bytes")));
        }
        let password = password.to_owned();
        self.blocking(move |memory| hash(&password, memory)).await?
    }

    /// Whether the password is that of the hash. Without a hash it is not, after the same time.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Refusal> {
        if password.len() > *LENGTH.end() {
            return Ok(false);
        }
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let same = self.blocking(move |memory| verify(&password, &hash, memory));
        Ok(same.await?? && known)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.turns.clone().acquire_owned().await.map_err(Refusal::internal)?;
        let memories = self.memories.clone();
        #[cfg(test)]
        let work = {
            let counted = self.work.clone();
            move |memory: &mut Memory| counted.of(|| work(memory))
        };
        tokio::task::spawn_blocking(move || {
            let kept = || memories.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = kept().pop().unwrap_or_default();
            let done = work(&mut memory);
            kept().push(memory);
            // After that, so that there is never more than one for each turn.
            drop(turn);
            done
        })
        .await
        .map_err(Refusal::internal)
    }
}

fn hash(password: &str, memory: &mut Memory) -> Result<String, Refusal> {
    let argon2 = Argon2::default();
    let (salt, mut output) = (Salt::generate(), [0; Params::DEFAULT_OUTPUT_LEN]);
    compute(&argon2, password, &salt, &mut output, memory)?;
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params()).map_err(Refusal::internal)?,
        salt: Some(salt),
        hash: Some(Output::new(&output).map_err(Refusal::internal)?),
    };
    Ok(hash.to_string())
}

fn verify(password: &str, hash: &str, memory: &mut Memory) -> Result<bool, Refusal> {
    let hash = PasswordHash::new(hash).map_err(Refusal::internal)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(Refusal::internal("the hash of a password is not whole"));
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(Refusal::internal)?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).map_err(Refusal::internal)?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).map_err(Refusal::internal)?);
    let mut output = vec![0; expected.len()];
    compute(&argon2, password, salt, &mut output, memory)?;
    Ok(output.ct_eq(expected.as_bytes()).into())
}

fn compute(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &Salt,
    output: &mut [u8],
    memory: &mut Memory,
) -> Result<(), Refusal> {
    memory.resize(argon2.params().block_count(), Block::new());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory).map_err(Refusal::internal)
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
        // Made by the reference implementation.
        let theirs = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0$ivZxBeJ8BBYLN7Nz1nLTB5NjJ3CLuH+h6Gzw8wVSOKg";
        assert!(hasher.verify("correct horse", Some(theirs)).await.unwrap());
    }
}
