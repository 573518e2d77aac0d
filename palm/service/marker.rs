//! What tells the implementations of [`IntoReply`](super::IntoReply) apart. They are inferred; nobody writes them.

use std::marker::PhantomData;

/// The value is one result.
#[derive(Debug)]
pub struct One(());
/// The value is an `Option` of what `M` stands for.
#[derive(Debug)]
pub struct Perhaps<M>(PhantomData<M>);
/// The value is a `Result` of what `M` stands for.
#[derive(Debug)]
pub struct Fallible<M>(PhantomData<M>);
/// The value is an iterator of what `M` stands for.
#[derive(Debug)]
pub struct Several<M>(PhantomData<M>);
