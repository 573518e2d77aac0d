/// Where a part's messages go.
///
/// ```
/// use palm::topology::Route;
/// let route = Route::to("WorkerPush").blocking().log("from a client");
/// # let _: Route = "WorkerPush".into();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Route {
    pub(crate) target: Target,
    pub(crate) blocking: bool,
    pub(crate) log: Option<Box<str>>,
    pub(crate) scatter: bool,
    pub(crate) gather: bool,
    pub(crate) handle_stream: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Part(Box<str>),
    Exterior,
    Discard,
}

impl Route {
    const fn new(target: Target) -> Self {
        Self { target, blocking: false, log: None, scatter: false, gather: false, handle_stream: false }
    }

    /// To the outbound part of that name: an inbound part's messages, or an outbound part's feedback.
    pub fn to(part: impl Into<Box<str>>) -> Self {
        Self::new(Target::Part(part.into()))
    }

    /// Nowhere further: what an outbound part without a route has. Feedback goes to the blocking inbound part that waits for
    /// it.
    pub const fn exterior() -> Self {
        Self::new(Target::Exterior)
    }

    /// An inbound part's messages are dropped, on purpose.
    pub const fn discard() -> Self {
        Self::new(Target::Discard)
    }

    /// The inbound part takes the next message of a caller only after the feedback for the last one.
    pub const fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }

    /// A line that is logged at DEBUG for each message.
    pub fn log(mut self, text: impl Into<Box<str>>) -> Self {
        self.log = Some(text.into());
        self
    }

    /// Each message passes the component's `scatter`, if its impl block has one.
    pub const fn scatter(mut self) -> Self {
        self.scatter = true;
        self
    }

    /// Each message passes the component's `gather`, if its impl block has one.
    pub const fn gather(mut self) -> Self {
        self.gather = true;
        self
    }

    /// The component's `handle_stream`, if its impl block has one, chooses the topic of each message.
    pub const fn handle_stream(mut self) -> Self {
        self.handle_stream = true;
        self
    }
}

impl<T: Into<Box<str>>> From<T> for Route {
    fn from(part: T) -> Self {
        Self::to(part)
    }
}
