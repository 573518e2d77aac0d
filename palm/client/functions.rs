/// One function, or the functions of a pipeline, each written `server.method`.
///
/// ```
/// use palm::client::IntoFunctions;
///
/// assert_eq!("first.one".into_functions(), "first.one");
/// assert_eq!(["first.one", "second.two"].into_functions(), "first.one second.two");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no functions",
    note = "write \"server.method\", or [\"server.method\", \"pipeline.method\"] for one function a stage"
)]
pub trait IntoFunctions {
    /// The functions as a message carries them: separated by single spaces.
    fn into_functions(self) -> String;
}

impl IntoFunctions for &str {
    fn into_functions(self) -> String {
        self.to_owned()
    }
}

impl IntoFunctions for String {
    fn into_functions(self) -> String {
        self
    }
}

impl IntoFunctions for &String {
    fn into_functions(self) -> String {
        self.clone()
    }
}

impl<S: AsRef<str>> IntoFunctions for &[S] {
    fn into_functions(self) -> String {
        let mut joined = String::with_capacity(self.iter().map(|function| function.as_ref().len() + 1).sum());
        for (stage, function) in self.iter().enumerate() {
            if stage > 0 {
                joined.push(' ');
            }
            joined.push_str(function.as_ref());
        }
        joined
    }
}

impl<S: AsRef<str>, const N: usize> IntoFunctions for [S; N] {
    fn into_functions(self) -> String {
        self.as_slice().into_functions()
    }
}

impl<S: AsRef<str>, const N: usize> IntoFunctions for &[S; N] {
    fn into_functions(self) -> String {
        self.as_slice().into_functions()
    }
}

impl<S: AsRef<str>> IntoFunctions for Vec<S> {
    fn into_functions(self) -> String {
        self.as_slice().into_functions()
    }
}

impl<S: AsRef<str>> IntoFunctions for &Vec<S> {
    fn into_functions(self) -> String {
        self.as_slice().into_functions()
    }
}
