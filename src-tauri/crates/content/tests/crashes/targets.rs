//! What tests do with the inputs of fuzz targets, in whatever crate the targets are.

use std::{collections::BTreeMap, fs, path::Path};

/// Inputs by a name each.
pub(crate) type Seeds = BTreeMap<String, Vec<u8>>;

/// A target's name, its seeds and its check.
pub(crate) type Target = (&'static str, fn() -> Seeds, fn(&[u8]));

/// Every seed, some `cuts` beginnings of it, and each of these places with one bit the other way round.
pub(crate) fn read_every_part(targets: &[Target], cuts: usize) {
    for (target, seeds, check) in targets {
        let seeds = seeds();
        assert!(seeds.len() > 20, "{target} has {} seeds", seeds.len());
        for (name, seed) in seeds {
            println!("{target}: {name}");
            check(&seed);
            for cut in (0..seed.len()).step_by(seed.len() / cuts + 1) {
                check(&seed[..cut]);
                let mut flipped = seed.clone();
                flipped[cut] ^= 1 << (cut % 8);
                check(&flipped);
            }
        }
    }
}

/// Every input that a target of the crate at `place` ever stopped at.
pub(crate) fn read_what_once_did_harm(targets: &[Target], place: &str) {
    for (target, _, check) in targets {
        let Ok(found) = fs::read_dir(Path::new(place).join("tests/crashes").join(target)) else {
            continue;
        };
        for input in found.map(Result::unwrap) {
            println!("{target}: {}", input.path().display());
            check(&fs::read(input.path()).unwrap());
        }
    }
}

/// Writes the files that fuzzing begins with.
pub(crate) fn write_seeds(targets: &[Target], place: &str) {
    for (target, seeds, _) in targets {
        let corpus = Path::new(place).join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).unwrap();
        for (name, seed) in seeds() {
            fs::write(corpus.join(name.replace([' ', '/'], "-")), seed).unwrap();
        }
    }
}
