//! No input makes the readers of requests, forms and redirects panic, hang or take much memory: the seeds of the fuzz targets,
//! inputs made to be nasty, and every input that a fuzz target ever stopped at (`tests/crashes/<target>/`).
#![cfg(test)]

#[path = "crashes/redirects.rs"]
mod redirects;
#[path = "crashes/request_head.rs"]
mod request_head;
#[path = "crashes/seeds.rs"]
mod seeds;
#[path = "crashes/upload_form.rs"]
mod upload_form;

use std::{fs, path::Path};

use seeds::Seeds;

/// A target's name, its seeds and its check.
type Target = (&'static str, fn() -> Seeds, fn(&[u8]));

const TARGETS: [Target; 3] = [
    ("request_head", seeds::request_head, request_head::check),
    ("upload_form", seeds::upload_form, upload_form::check),
    ("redirects", seeds::redirects, redirects::check),
];

#[test]
fn every_seed_and_every_part_of_it_is_read_safely() {
    for (target, seeds, check) in TARGETS {
        let seeds = seeds();
        assert!(seeds.len() > 20, "{target} has {} seeds", seeds.len());
        for (name, seed) in seeds {
            println!("{target}: {name}");
            check(&seed);
            for cut in (0..seed.len()).step_by(seed.len() / 32 + 1) {
                check(&seed[..cut]);
                let mut flipped = seed.clone();
                flipped[cut] ^= 1 << (cut % 8);
                check(&flipped);
            }
        }
    }
}

#[test]
fn inputs_that_once_did_harm_do_none() {
    for (target, _, check) in TARGETS {
        let Ok(found) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crashes").join(target)) else {
            continue;
        };
        for input in found.map(Result::unwrap) {
            println!("{target}: {}", input.path().display());
            check(&fs::read(input.path()).unwrap());
        }
    }
}

#[test]
#[ignore = "writes the files that `make fuzz` begins with"]
fn write_the_seeds() {
    for (target, seeds, _) in TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).unwrap();
        for (name, seed) in seeds() {
            fs::write(corpus.join(name.replace([' ', '/'], "-")), seed).unwrap();
        }
    }
}
