//! Rules about a whole block: what may be exposed, under which name, with which signature.

use std::collections::HashSet;

use syn::ext::IdentExt;
use syn::{Attribute, FnArg, GenericParam, ImplItem, ImplItemFn, ItemImpl, ReceiverKind, ReturnType, Safety, Type};

use super::model::{Access, Argument, Component, Hook, HookMethod, Kind, Method};
use super::parse::{Arguments, Exposure};
use crate::errors::Errors;
use crate::nearest::nearest;
use crate::source::{docs, peeled};

/// The model of the block. What breaks a rule is left out of it and noted in `errors`; `None` if there is no type to speak of.
pub(super) fn check(
    kind: Kind,
    arguments: Arguments,
    block: &ItemImpl,
    exposures: Vec<Option<Exposure>>,
    errors: &mut Errors,
) -> Option<Component> {
    let name = header(kind, block, errors);
    let (mut methods, mut hooks) = (Vec::new(), Vec::new());
    let mut taken = HashSet::new();
    for (item, exposure) in block.items.iter().zip(exposures) {
        let (ImplItem::Fn(method), Some(exposure)) = (item, exposure) else { continue };
        if exposure.skip.is_some() {
            continue;
        }
        match Hook::of(&method.sig.ident.to_string()) {
            Some(hook) => hooks.extend(check_hook(kind, hook, method, &exposure, errors)),
            None => methods.extend(check_method(kind, method, &exposure, &mut taken, errors)),
        }
    }
    Some(Component {
        kind,
        self_type: (*block.self_ty).clone(),
        name: name?,
        docs: docs(&block.attrs),
        attributes: copied(&block.attrs, &["cfg", "allow"]),
        constructor: arguments.constructor,
        methods,
        hooks,
    })
}

/// The name of the type, if the block is the plain one of a type that has a name.
fn header(kind: Kind, block: &ItemImpl, errors: &mut Errors) -> Option<String> {
    if let Some((path, _)) = &block.trait_ {
        errors.on(
            path,
            format!("`#[palm::{}]` belongs on the type's own impl block, not on that of a trait", kind.name()),
        );
    }
    if !block.generics.params.is_empty() {
        errors.on(
            &block.generics,
            "a component cannot be generic, since it is found by name; write the block for one concrete type",
        );
    }
    if let Some(clause) = &block.generics.where_clause {
        errors.on(clause, "a component cannot be generic, since it is found by name; remove the where clause");
    }
    match peeled(&block.self_ty) {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.unraw().to_string()),
        other => {
            errors.on(other, "a component is a type with a name of its own");
            None
        }
    }
}

fn check_method(
    kind: Kind,
    method: &ImplItemFn,
    exposure: &Exposure,
    taken: &mut HashSet<String>,
    errors: &mut Errors,
) -> Option<Method> {
    let ident = &method.sig.ident;
    if kind.has_workers() {
        let instead = match nearest(&ident.to_string(), Hook::ALL.map(Hook::name)) {
            Some(hook) => format!("did you mean the hook `{hook}`?"),
            None => format!("move `{ident}` to a `#[palm::worker]`, or hide it with `#[palm(skip)]`"),
        };
        errors.on(ident, format!("a {} runs no methods, its workers do; {instead}", kind.name()));
        return None;
    }
    let cfgs = copied(&method.attrs, &["cfg"]);
    let wire = wire_name(method, exposure, cfgs.is_empty(), taken, errors);
    let sound = check_modifiers(method, errors);
    let access = check_receiver(method, errors);
    let access = check_async(method, access, errors);
    let arguments = check_arguments(method, errors);
    let access = access.filter(|_| sound)?;
    Some(Method {
        ident: ident.clone(),
        wire,
        docs: docs(&method.attrs),
        cfgs,
        deprecated: method.attrs.iter().any(|attribute| attribute.path().is_ident("deprecated")),
        access,
        arguments,
        reply: reply(&method.sig.output),
    })
}

/// Two methods may share a name if a `cfg` decides between them: rustc then sees to it that only one is left.
fn wire_name(
    method: &ImplItemFn,
    exposure: &Exposure,
    always_there: bool,
    taken: &mut HashSet<String>,
    errors: &mut Errors,
) -> String {
    let (wire, span) = match &exposure.name {
        Some(name) => (name.value(), name.span()),
        None => (method.sig.ident.unraw().to_string(), method.sig.ident.span()),
    };
    if let Some(why) = unsound_name(&wire) {
        errors.at(span, why);
    } else if Hook::of(&wire).is_some() {
        errors.at(
            span,
            format!("`{wire}` is reserved for the hook of that name, which nobody can call; choose another name"),
        );
    } else if always_there && !taken.insert(wire.clone()) {
        errors.at(span, format!("another method is called `{wire}` already; rename one with `#[palm(name = \"…\")]`"));
    }
    wire
}

/// The function field of a message is `component.method`, or several of these separated by blanks.
fn unsound_name(wire: &str) -> Option<String> {
    let reason = if wire.is_empty() {
        return Some("a method needs a name".to_owned());
    } else if wire.contains('.') {
        "a dot, which separates the component's name from the method's"
    } else if wire.contains(char::is_whitespace) {
        "a blank, which separates the steps of a pipeline"
    } else {
        return None;
    };
    Some(format!("`{wire}` holds {reason}; choose another name"))
}

/// What a method must not be, hook or not.
fn check_modifiers(method: &ImplItemFn, errors: &mut Errors) -> bool {
    let (signature, before) = (&method.sig, errors.count());
    let ident = &signature.ident;
    if let Safety::Unsafe(token) = signature.safety {
        errors.on(token, format!("`{ident}` is called by whoever can send a message, so it cannot be unsafe"));
    }
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            errors.on(
                parameter,
                format!("`{ident}` cannot be generic, since a message carries no types; use concrete ones"),
            );
        }
    }
    errors.count() == before
}

/// What `async` makes of the access that the receiver says.
fn check_async(method: &ImplItemFn, access: Option<Access>, errors: &mut Errors) -> Option<Access> {
    let ident = &method.sig.ident;
    let Some(token) = method.sig.asyncness else { return access };
    if !cfg!(feature = "tokio") {
        errors.on(token, format!("async methods need the feature `tokio` of palm; enable it, or write `fn {ident}`"));
        return None;
    }
    if access == Some(Access::Alone) {
        errors.on(
            method.sig.receiver(),
            format!(
                "several calls of an async method are under way at a time, so none can have the object for itself; \
                 take `&self` and keep what changes behind a lock, or write `fn {ident}`"
            ),
        );
        return None;
    }
    access.map(|_| Access::Async)
}

/// What the receiver says; `None` if it is neither `&self` nor `&mut self`.
fn check_receiver(method: &ImplItemFn, errors: &mut Errors) -> Option<Access> {
    let access = |mutable| if mutable { Access::Alone } else { Access::Shared };
    let ident = &method.sig.ident;
    let Some(receiver) = method.sig.receiver() else {
        errors.on(
            ident,
            format!("`{ident}` takes no `self`; add `&mut self`, or hide it from callers with `#[palm(skip)]`"),
        );
        return None;
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutable) => return Some(access(mutable.is_some())),
        ReceiverKind::Typed(_, kind) if let Some(mutable) = reference_to_self(kind) => return Some(access(mutable)),
        ReceiverKind::Value => {
            errors.on(
                receiver,
                format!("`{ident}` consumes the component, which is there for every call; take `&mut self` or `&self`"),
            );
        }
        _ => errors.on(receiver, format!("the receiver of `{ident}` must be `&mut self` or `&self`")),
    }
    None
}

/// Whether a reference to `Self` is a mutable one; `None` if it is none at all.
fn reference_to_self(kind: &Type) -> Option<bool> {
    let Type::Reference(reference) = kind else { return None };
    let is_self = matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"));
    is_self.then_some(reference.mutability.is_some())
}

fn check_arguments(method: &ImplItemFn, errors: &mut Errors) -> Vec<Argument> {
    let ident = &method.sig.ident;
    let (mut payload, mut call) = (false, false);
    let mut arguments = Vec::new();
    for argument in typed(method) {
        if let Some(mutable) = is_call(&argument.ty) {
            if mutable {
                errors.on(&argument.ty, "a call is only looked at; write `&Call`");
            } else if call {
                errors.on(argument, format!("`{ident}` is given its call already"));
            }
            call = true;
            arguments.push(Argument::Call);
            continue;
        }
        if let Type::ImplTrait(_) = peeled(&argument.ty) {
            errors.on(
                &argument.ty,
                format!("`{ident}` cannot be generic, since a message carries no types; use concrete ones"),
            );
        } else if payload {
            errors.on(
                argument,
                format!("`{ident}` takes its payload already; a message has one, which may be a tuple in `Json<(…)>`"),
            );
        }
        payload = true;
        arguments.push(Argument::Payload(argument.ty.clone()));
    }
    arguments
}

fn typed(method: &ImplItemFn) -> impl Iterator<Item = &syn::PatType> {
    method.sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

/// Whether the type is a reference to what is called `Call`, and if so whether it is a mutable one.
fn is_call(kind: &Type) -> Option<bool> {
    let Type::Reference(reference) = peeled(kind) else { return None };
    let Type::Path(path) = peeled(&reference.elem) else { return None };
    (path.path.segments.last()?.ident == "Call").then_some(reference.mutability.is_some())
}

fn reply(output: &ReturnType) -> Option<Type> {
    match output {
        ReturnType::Default => None,
        ReturnType::Type(_, kind) => Some((**kind).clone()),
    }
}

fn check_hook(
    kind: Kind,
    hook: Hook,
    method: &ImplItemFn,
    exposure: &Exposure,
    errors: &mut Errors,
) -> Option<HookMethod> {
    let ident = &method.sig.ident;
    if let Some(why) = hook_elsewhere(kind, hook) {
        errors.on(ident, format!("{why}; rename the method, or hide it with `#[palm(skip)]`"));
        return None;
    }
    if let Some(name) = &exposure.name {
        errors.on(name, format!("`{ident}` is a hook, which nobody calls by name; remove `name`"));
    }
    if let Some(token) = method.sig.asyncness {
        errors.on(token, format!("`{ident}` is a hook, which the component waits for; write `fn {ident}`"));
    }
    let sound = check_modifiers(method, errors);
    let received = check_receiver(method, errors).is_some();
    check_hook_arguments(hook, method, errors);
    check_hook_reply(hook, method, errors);
    (sound && received).then(|| HookMethod {
        hook,
        ident: ident.clone(),
        cfgs: copied(&method.attrs, &["cfg"]),
        reply: reply(&method.sig.output),
    })
}

/// Why this kind has no such hook.
fn hook_elsewhere(kind: Kind, hook: Hook) -> Option<String> {
    match hook {
        Hook::Scatter | Hook::Gather if !kind.has_workers() => {
            Some(format!("`{}` is a hook of masters and hubs, not of a {}", hook.name(), kind.name()))
        }
        Hook::HandleStream if kind == Kind::Worker => {
            Some("a worker answers to its master, so it has no `handle_stream`".to_owned())
        }
        _ => None,
    }
}

fn check_hook_arguments(hook: Hook, method: &ImplItemFn, errors: &mut Errors) {
    let wanted = format!("write `{}`", hook.signature());
    let mut arguments = typed(method);
    if hook.field().is_some() {
        match arguments.next() {
            None => errors.on(&method.sig.ident, format!("`{}` is given a message; {wanted}", hook.name())),
            Some(argument) => match (peeled(&argument.ty), hook) {
                (Type::Reference(reference), Hook::HandleStream) if reference.mutability.is_some() => {}
                (other, Hook::HandleStream) => {
                    errors.on(other, format!("`handle_stream` may change the message; {wanted}"));
                }
                (Type::Reference(_), _) => {
                    errors.on(&argument.ty, format!("`{}` owns the message; {wanted}", hook.name()));
                }
                _ => {}
            },
        }
    }
    for argument in arguments {
        errors.on(argument, format!("`{}` is given nothing of that kind; {wanted}", hook.name()));
    }
}

fn check_hook_reply(hook: Hook, method: &ImplItemFn, errors: &mut Errors) {
    let wanted = format!("write `{}`", hook.signature());
    match (&method.sig.output, hook) {
        (ReturnType::Type(_, kind), Hook::Started | Hook::Stopping) if !is_unit(kind) => {
            errors.on(kind, format!("nobody would get what `{}` returns; {wanted}", hook.name()));
        }
        (ReturnType::Default, Hook::Scatter | Hook::Gather) => {
            errors.on(&method.sig.ident, format!("`{}` must return the messages that go on; {wanted}", hook.name()));
        }
        (ReturnType::Default, Hook::HandleStream) => {
            errors.on(&method.sig.ident, format!("`handle_stream` must return the topic; {wanted}"));
        }
        // A `Result` is iterated too: its error would be lost without a word.
        (ReturnType::Type(_, kind), Hook::Scatter | Hook::Gather) if is_named(kind, "Result") => {
            errors.on(kind, format!("`{}` has nobody to tell an error to; {wanted}", hook.name()));
        }
        _ => {}
    }
}

fn is_unit(kind: &Type) -> bool {
    matches!(peeled(kind), Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn is_named(kind: &Type, name: &str) -> bool {
    matches!(peeled(kind), Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn copied(attributes: &[Attribute], names: &[&str]) -> Vec<Attribute> {
    let wanted = |attribute: &&Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    attributes.iter().filter(wanted).cloned().collect()
}
