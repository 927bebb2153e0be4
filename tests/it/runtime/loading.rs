//! Loading components from bytes: the refusals with their codes, and the cache of compiled code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use weir::error::{Code, Error};
use weir_runtime::{BuiltIn, Digest, LoadError, Origin, Runtime, Settings, World, limits};

use super::{delivery_call, event, fixture, load, runtime};

fn refused(name: &str) -> LoadError {
    runtime().load(&fixture(name), Origin::Tenant).expect_err("it is refused")
}

#[test]
fn a_component_says_what_it_is() {
    let component = load("signs-once");
    assert_eq!(component.world(), World::Adapter);
    assert_eq!(component.digest(), Digest::of(&fixture("signs-once")));
    assert!(component.imports().iter().any(|import| import == "weir:plugin/signing@0.1.0"));
}

#[test]
fn loading_again_gives_the_same_component() {
    let component = load("signs-once");
    assert_eq!(
        runtime().find(component.digest(), Origin::Tenant).map(|found| found.digest()),
        Some(component.digest())
    );
    assert!(runtime().find(Digest::of(b"never seen"), Origin::Tenant).is_none());
}

#[test]
fn built_in_components_are_there_by_digest_and_by_bytes() {
    for builtin in BuiltIn::ALL {
        let (component, digest) = (runtime().builtin(builtin), builtin.digest());
        assert_eq!(component.digest(), digest);
        assert_eq!(runtime().find(digest, Origin::BuiltIn).map(|found| found.digest()), Some(digest));
        let loaded = runtime().load(builtin.wasm(), Origin::BuiltIn).expect("loads");
        assert_eq!((loaded.digest(), loaded.world()), (digest, component.world()));
    }
}

#[test]
fn what_is_no_component_is_invalid() {
    assert!(matches!(refused("core-module"), LoadError::Invalid(_)));
    assert!(matches!(runtime().load(b"not even WebAssembly", Origin::Tenant), Err(LoadError::Invalid(_))));
    assert!(matches!(runtime().load(b"", Origin::Tenant), Err(LoadError::Invalid(_))));
}

#[test]
fn component_bytes_max() {
    let bytes = vec![0; limits::COMPONENT_BYTES_MAX + 1];
    assert!(matches!(runtime().load(&bytes, Origin::Tenant), Err(LoadError::TooLarge { .. })));
}

#[test]
fn a_component_of_no_world_is_told_which_there_are() {
    let LoadError::WorldUnsupported { found, supported } = refused("wrong-world") else { panic!("another refusal") };
    assert_eq!(found, "acme:tools/runner@1.0.0");
    assert!(supported.contains("weir:plugin/routing@0.1"), "{supported}");
    assert!(matches!(refused("newer-track"), LoadError::WorldUnsupported { .. }));
}

#[test]
fn an_unknown_import_is_named() {
    let error = refused("imports-unknown");
    assert!(matches!(error, LoadError::ImportUnknown(_)));
    assert!(error.to_string().contains("acme:vault/secrets"), "{error}");
}

#[test]
fn a_world_has_its_own_imports_only() {
    let error = refused("imports-of-another-world");
    assert!(matches!(error, LoadError::ImportUnknown(_)) && error.to_string().contains("signing"), "{error}");
}

/// Whether the host takes a component with so many instances of a core module.
fn takes(count: u32, module: &str) -> bool {
    let instances = "(core instance (instantiate $module))".repeat(count as usize);
    let text = format!("(component (core module $module {module}) {instances})");
    match runtime().load(&wat::parse_str(text).expect("valid text"), Origin::Tenant) {
        Err(LoadError::TooComplex(_)) => false,
        // The component is of no world, which the host checks after these bounds.
        Err(LoadError::WorldUnsupported { .. }) => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn core_instances_max() {
    assert!(takes(limits::CORE_INSTANCES_MAX, ""));
    assert!(!takes(limits::CORE_INSTANCES_MAX + 1, ""));
}

#[test]
fn memories_max() {
    assert!(takes(limits::MEMORIES_MAX, "(memory 1)"));
    assert!(!takes(limits::MEMORIES_MAX + 1, "(memory 1)"));
}

#[test]
fn tables_max() {
    // Two tables each, as there may not be more instances than tables.
    let tables = "(table 1 funcref) (table 1 funcref)";
    assert!(takes(limits::TABLES_MAX / 2, tables));
    assert!(!takes(limits::TABLES_MAX / 2 + 1, tables));
}

#[test]
fn a_component_that_cannot_start_is_refused() {
    assert!(matches!(refused("traps-on-start"), LoadError::TrapsOnStart(_)));
}

#[test]
fn a_function_of_another_type_is_invalid() {
    let error = refused("wrong-function");
    assert!(matches!(error, LoadError::Invalid(_)), "{error}");
}

#[test]
fn every_refusal_has_its_code() {
    let code = Error::from(refused("wrong-world")).code();
    assert_eq!(code, Code::WorldUnsupported);
}

/// A folder of the test's own for compiled code, removed with it.
struct CodeDir(PathBuf);

impl CodeDir {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn start(&self) -> Runtime {
        let code_cache_dir = Some(self.0.clone());
        Runtime::new(Settings { code_cache_dir, instances_max: 8, ..Settings::default() }).expect("a runtime starts")
    }

    fn damage(&self) {
        for file in fs::read_dir(&self.0).expect("the folder is there") {
            let path = file.expect("readable").path();
            let mut bytes = fs::read(&path).expect("readable");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).expect("writable");
        }
    }
}

impl Drop for CodeDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_second_start_finds_the_compiled_code() {
    let dir = CodeDir::new("second-start");
    let digest = dir.start().load(&fixture("keeps-state"), Origin::Tenant).expect("loads").digest();
    let runtime = dir.start();
    let found = runtime.find(digest, Origin::Tenant).expect("is on disk");
    assert!(runtime.transform(&found, &delivery_call(), &event()).result.is_ok());
}

#[test]
fn damaged_code_is_compiled_again() {
    let dir = CodeDir::new("damaged");
    let digest = dir.start().load(&fixture("keeps-state"), Origin::Tenant).expect("loads").digest();
    dir.damage();

    let runtime = dir.start();
    assert!(runtime.find(digest, Origin::Tenant).is_none());
    let component = runtime.load(&fixture("keeps-state"), Origin::Tenant).expect("compiles again");
    assert!(runtime.transform(&component, &delivery_call(), &event()).result.is_ok());
    assert!(dir.start().find(digest, Origin::Tenant).is_some());
}
