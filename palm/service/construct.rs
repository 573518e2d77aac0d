//! How the registry makes a component: by the function its attribute names, or by `Default` if the type has it.

use std::marker::PhantomData;

use super::Service;
use super::marker::{Fallible, One};
use crate::error::BoxError;

/// What a registered type is made by: `None` if there is no way.
pub type Constructed = Option<Result<Box<dyn Service>, BoxError>>;

/// How a registered type is made, in a place where `Self` is that type.
pub trait Constructor {
    /// Makes one.
    fn constructor() -> Constructed;
}

/// What the function behind `constructor = …` may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a constructor of `{T}` returns",
    label = "wrong result",
    note = "a constructor is a `fn() -> {T}` or a `fn() -> Result<{T}, E>` whose error converts into a boxed one"
)]
pub trait Construct<T, Marker> {
    /// Boxes it.
    fn construct(self) -> Constructed;
}

#[diagnostic::do_not_recommend]
impl<T: Service> Construct<T, One> for T {
    fn construct(self) -> Constructed {
        Some(Ok(Box::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Service, E: Into<BoxError>> Construct<T, Fallible<One>> for Result<T, E> {
    fn construct(self) -> Constructed {
        Some(self.map(|service| Box::new(service) as Box<dyn Service>).map_err(Into::into))
    }
}

/// Asks whether a type has a `Default`, by the order in which a method call looks for its receiver.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// To be called as `(&Probe::<T>::NEW).construct()`: by value where `T: Default`, else one reference further.
    pub const NEW: Self = Self(PhantomData);
}

/// The probe's way for a type with a `Default`.
pub trait ByDefault {
    /// Calls it.
    fn construct(&self) -> Constructed;
}

impl<T: Service + Default> ByDefault for Probe<T> {
    fn construct(&self) -> Constructed {
        T::default().construct()
    }
}

/// The probe's way for a type without a `Default`.
pub trait ByNothing {
    /// Is no constructor.
    fn construct(&self) -> Constructed;
}

impl<T> ByNothing for &Probe<T> {
    fn construct(&self) -> Constructed {
        None
    }
}
