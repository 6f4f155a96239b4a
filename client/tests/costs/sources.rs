//! What the sources say: every public async method, and what its documentation says that it costs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ImplItemFn, ItemImpl, ItemStruct, Lit, Meta, ReturnType, Type, Visibility,
};

use crate::cost::Cost;

const MARK: &str = "RPCs: ";

/// What is wrong with the documentation, and what it says of costs, by `Type::method`.
#[derive(Debug, Default)]
pub(crate) struct Documented {
    pub(crate) costs: BTreeMap<String, Vec<Cost>>,
    pub(crate) faults: Vec<String>,
}

impl Documented {
    /// Of all files in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let mut documented = Self::default();
        for path in sources(folder) {
            documented.read(&std::fs::read_to_string(&path).unwrap());
        }
        documented
    }

    pub(crate) fn read(&mut self, text: &str) {
        let file = syn::parse_file(text).unwrap();
        Reader { documented: self, of: String::new() }.visit_file(&file);
    }

    fn note(&mut self, name: &str, attributes: &[Attribute], must: bool) {
        let costs = match line(attributes) {
            Some(line) => Cost::parse_all(&line),
            None if must => Err(format!("its documentation has no line `{MARK}…`")),
            None => return,
        };
        match costs {
            Ok(costs) => {
                let before = self.costs.insert(name.to_owned(), costs);
                assert!(before.is_none(), "there are two {name}");
            }
            Err(fault) => self.faults.push(format!("{name}: {fault}")),
        }
    }
}

struct Reader<'d> {
    documented: &'d mut Documented,
    /// Whose methods are read.
    of: String,
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        // What is done by a trait's method, or when it is dropped.
        self.documented.note(&item.ident.to_string(), &item.attrs, false);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if let (Type::Path(of), None) = (&*item.self_ty, &item.trait_) {
            self.of = of.path.segments.last().map(|one| one.ident.to_string()).unwrap_or_default();
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        let signature = &method.sig;
        let future = matches!(&signature.output, ReturnType::Type(_, of) if is_impl(of));
        let waits = signature.asyncness.is_some() || future;
        if matches!(method.vis, Visibility::Public(_)) {
            let name = format!("{}::{}", self.of, signature.ident);
            self.documented.note(&name, &method.attrs, waits);
        }
    }
}

fn is_impl(of: &Type) -> bool {
    matches!(of, Type::ImplTrait(_))
}

/// The paragraph behind the mark.
fn line(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(value) = &pair.value else { return None };
        let Lit::Str(text) = &value.lit else { return None };
        pair.path.is_ident("doc").then(|| text.value().trim().to_owned())
    });
    let lines: Vec<String> = lines.collect();
    let begins = lines.iter().position(|line| line.starts_with(MARK))?;
    let paragraph: Vec<&str> =
        lines[begins..].iter().map(String::as_str).take_while(|line| !line.is_empty()).collect();
    Some(paragraph.join(" ")[MARK.len()..].to_owned())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn a_public_async_method_that_does_not_say_what_it_costs_is_found() {
    let mut documented = Documented::default();
    documented.read(
        "impl Task {
            /// Kills it.
            ///
            /// RPCs: 1
            /// (Tasks/Kill).
            ///
            /// And so on.
            pub async fn kill(&self) {}
            /// Says nothing.
            pub async fn pause(&self) {}
            /// RPCs: many.
            pub fn resume(&self) -> impl Future<Output = ()> {}
            pub(crate) async fn inner(&self) {}
            pub fn id(&self) -> &str {}
        }",
    );
    assert_eq!(documented.costs.keys().collect::<Vec<_>>(), ["Task::kill"]);
    let expected = [
        "Task::pause: its documentation has no line `RPCs: …`",
        "Task::resume: \"many\" does not list as many calls as it counts",
    ];
    assert_eq!(documented.faults, expected);
}
