//! Users and their sessions: of what lets somebody in, hashes only.

use jiff::Timestamp;
use sqlx::FromRow;

use super::{Store, StoreError, micros, text};

/// Who may do something.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) full_name: String,
    pub(crate) email: String,
    admin: i64,
    active: i64,
}

impl User {
    pub(crate) fn is_admin(&self) -> bool {
        self.admin != 0
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active != 0
    }
}

/// A user to be made.
#[derive(Debug)]
pub(crate) struct NewUser<'a> {
    pub(crate) name: &'a str,
    pub(crate) full_name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) admin: bool,
    pub(crate) password_hash: &'a str,
}

/// A browser that signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    /// What each form of it carries.
    pub(crate) csrf: String,
}

impl Store {
    pub(crate) async fn has_users(&self) -> Result<bool, StoreError> {
        let (users,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM users").fetch_one(&self.pool).await?;
        Ok(users > 0)
    }

    /// Makes a user; says so in the record as done by `by`.
    pub(crate) async fn add_user(&self, new: &NewUser<'_>, by: &str, now: Timestamp) -> Result<i64, StoreError> {
        let mut writing = self.write().await?;
        let made: Option<(i64,)> = sqlx::query_as(
            "INSERT INTO users (name, full_name, email, admin, active, password_hash, created) VALUES ($1, $2, $3, $4, 1, $5, $6) \
             ON CONFLICT (name) DO NOTHING RETURNING id",
        )
        .bind(text(new.name).into_owned())
        .bind(text(new.full_name).into_owned())
        .bind(text(new.email).into_owned())
        .bind(i64::from(new.admin))
        .bind(new.password_hash.to_owned())
        .bind(micros(now))
        .fetch_optional(&mut *writing.transaction)
        .await?;
        let Some((id,)) = made else { return Err(StoreError::NameTaken) };
        writing.record(by, "user added", new.name, now).await?;
        writing.commit().await?;
        Ok(id)
    }

    pub(crate) async fn users(&self) -> Result<Vec<User>, StoreError> {
        Ok(sqlx::query_as("SELECT id, name, full_name, email, admin, active FROM users ORDER BY name")
            .fetch_all(&self.pool)
            .await?)
    }

    /// The user of that name, and the hash of the password.
    pub(crate) async fn user_by_name(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        let user: Option<User> =
            sqlx::query_as("SELECT id, name, full_name, email, admin, active FROM users WHERE name = $1")
                .bind(text(name).into_owned())
                .fetch_optional(&self.pool)
                .await?;
        let Some(user) = user else { return Ok(None) };
        let (hash,): (String,) =
            sqlx::query_as("SELECT password_hash FROM users WHERE id = $1").bind(user.id).fetch_one(&self.pool).await?;
        Ok(Some((user, hash)))
    }

    /// Changes a password. Whoever signed in with the old one has to sign in again.
    pub(crate) async fn set_password(&self, user: &User, hash: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2")
            .bind(hash.to_owned())
            .bind(user.id)
            .execute(&mut *writing.transaction)
            .await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user.id).execute(&mut *writing.transaction).await?;
        writing.record(&user.name, "password changed", "", now).await?;
        writing.commit().await
    }

    /// Lets a user in, or not any more; whether there is one of that name.
    pub(crate) async fn set_active(
        &self,
        name: &str,
        active: bool,
        by: &User,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let changed = sqlx::query("UPDATE users SET active = $1 WHERE name = $2")
            .bind(i64::from(active))
            .bind(text(name).into_owned())
            .execute(&mut *writing.transaction)
            .await?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let action = if active { "user let in again" } else { "user locked out" };
        writing.record(&by.name, action, name, now).await?;
        writing.commit().await?;
        Ok(true)
    }

    pub(crate) async fn add_session(
        &self,
        user: &User,
        hash: &[u8],
        csrf: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query("INSERT INTO sessions (hash, user_id, csrf, created, seen) VALUES ($1, $2, $3, $4, $4)")
            .bind(hash.to_vec())
            .bind(user.id)
            .bind(csrf.to_owned())
            .bind(micros(now))
            .execute(&mut *writing.transaction)
            .await?;
        writing.record(&user.name, "signed in", "", now).await?;
        writing.commit().await
    }

    /// The session with that secret, if it has not ended.
    pub(crate) async fn session(&self, hash: &[u8], now: Timestamp) -> Result<Option<Session>, StoreError> {
        const MINUTE: i64 = 60_000_000;
        let found: Option<(i64, String, i64)> =
            sqlx::query_as("SELECT user_id, csrf, seen FROM sessions WHERE hash = $1 AND seen > $2 AND created > $3")
                .bind(hash.to_vec())
                .bind(self.idle_since(now))
                .bind(self.aged_since(now))
                .fetch_optional(&self.pool)
                .await?;
        let Some((user, csrf, seen)) = found else { return Ok(None) };
        let user: Option<User> =
            sqlx::query_as("SELECT id, name, full_name, email, admin, active FROM users WHERE id = $1 AND active = 1")
                .bind(user)
                .fetch_optional(&self.pool)
                .await?;
        if seen < micros(now) - MINUTE {
            let mut writing = self.write().await?;
            sqlx::query("UPDATE sessions SET seen = $1 WHERE hash = $2")
                .bind(micros(now))
                .bind(hash.to_vec())
                .execute(&mut *writing.transaction)
                .await?;
            writing.commit().await?;
        }
        Ok(user.map(|user| Session { user, csrf }))
    }

    pub(crate) async fn end_session(&self, hash: &[u8]) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        sqlx::query("DELETE FROM sessions WHERE hash = $1")
            .bind(hash.to_vec())
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }

    pub(super) fn idle_since(&self, now: Timestamp) -> i64 {
        micros(now).saturating_sub(super::span(self.limits.session_idle))
    }

    pub(super) fn aged_since(&self, now: Timestamp) -> i64 {
        micros(now).saturating_sub(super::span(self.limits.session_age))
    }
}
