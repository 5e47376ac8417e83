//! A family of small DAGs, right and wrong in every way that the rule of `holdfast_content::judge` knows, and what is to
//! become of each.

use std::collections::HashSet;

use holdfast_content::{CODEC_DAG_PB, CODEC_RAW, Cid, HASH_SHA2_256};
use holdfast_testkit::crafted::{
    Crafted, CraftedLink as Link, CraftedMessage as Message, archive_of, crafted_cid, identity_cid, links_of,
    push_field, push_varint,
    unixfs_type::{DIRECTORY, FILE, METADATA, RAW, SHARD, SYMLINK},
};
use sha2::{Digest, Sha256};

/// A codec whose links are not known here.
const CODEC_DAG_CBOR: u64 = 0x71;

const MURMUR3: u64 = 0x22;

/// A DAG and what is to become of it.
#[derive(Clone, Debug)]
pub struct Dag {
    /// What is odd about it.
    pub what: String,
    /// Its root.
    pub root: Cid,
    /// Its blocks, as far as they are there; none is its own CID.
    pub blocks: Vec<(Cid, Vec<u8>)>,
    /// Whether it is taken.
    pub taken: bool,
    /// Whether Kubo takes it and gives all of its bytes too, where that is another question.
    pub kubo: Kubo,
}

/// What Kubo does with a DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubo {
    /// The same.
    Agrees,
    /// It takes what is refused here, or the reverse; the rule says why.
    Differs,
}

impl Dag {
    /// As an archive of one root.
    pub fn archive(&self) -> Vec<u8> {
        archive_of(&self.root, &self.blocks)
    }
}

/// The shards of a directory, and what a DAG is to become.
trait Making: Sized {
    /// A shard with these links, whose names have their slots already.
    fn shard(&mut self, fanout: u64, links: &[Link], slots: &[u64]) -> Cid {
        self.shard_with(fanout, MURMUR3, links, slots)
    }

    fn shard_with(&mut self, fanout: u64, hash: u64, links: &[Link], slots: &[u64]) -> Cid;

    /// The trie of these names, every one a file with its name as content.
    fn trie(&mut self, fanout: u64, names: &[String], bits: u32) -> Cid;

    fn done(self, what: impl Into<String>, root: Cid, taken: bool) -> Dag;

    /// The same, where Kubo does something else.
    fn disputed(self, what: impl Into<String>, root: Cid, taken: bool) -> Dag {
        Dag { kubo: Kubo::Differs, ..self.done(what, root, taken) }
    }
}

impl Making for Crafted {
    fn shard_with(&mut self, fanout: u64, hash: u64, links: &[Link], slots: &[u64]) -> Cid {
        let mut field = vec![0_u8; (fanout as usize).div_ceil(8)];
        for slot in slots {
            let last = field.len() - 1;
            field[last - *slot as usize / 8] |= 1 << (slot % 8);
        }
        let mut bytes = Message { kind: SHARD, data: Some(field), ..Message::default() }.bytes();
        bytes.push(0x28);
        push_varint(&mut bytes, hash);
        bytes.push(0x30);
        push_varint(&mut bytes, fanout);
        self.node(links, &bytes)
    }

    fn trie(&mut self, fanout: u64, names: &[String], bits: u32) -> Cid {
        let digits = digits(fanout);
        let (mut links, mut slots) = (Vec::new(), Vec::new());
        for slot in 0..fanout {
            let here: Vec<_> = names.iter().filter(|name| slot_of(name, fanout, bits) == slot).cloned().collect();
            let prefix = format!("{slot:0digits$X}");
            match here.as_slice() {
                [] => continue,
                [name] => links.push(Link::new(self.raw(name.as_bytes()), &format!("{prefix}{name}"), 1)),
                several => {
                    let below = self.trie(fanout, several, bits + fanout.ilog2());
                    links.push(Link::new(below, &prefix, 1));
                }
            }
            slots.push(slot);
        }
        self.shard(fanout, &links, &slots)
    }

    fn done(self, what: impl Into<String>, root: Cid, taken: bool) -> Dag {
        Dag { what: what.into(), root, blocks: self.into_blocks(), taken, kubo: Kubo::Agrees }
    }
}

fn message(kind: u64) -> Vec<u8> {
    Message::of(kind).bytes()
}

fn cid_of(codec: u64, bytes: &[u8]) -> Cid {
    crafted_cid(codec, HASH_SHA2_256, &Sha256::digest(bytes))
}

fn digits(fanout: u64) -> usize {
    format!("{:X}", fanout - 1).len()
}

fn slot_of(name: &str, fanout: u64, bits: u32) -> u64 {
    let hash = murmur3::murmur3_x64_128(&mut std::io::Cursor::new(name), 0).unwrap_or_default();
    let hash = u64::from_be_bytes((hash as u64).to_be_bytes());
    (hash.swap_bytes().swap_bytes() << bits) >> (u64::BITS - fanout.ilog2())
}

/// All of them.
pub fn family() -> Vec<Dag> {
    let mut family = [odd_ones(), files()].concat();
    let mut roots = HashSet::new();
    family.retain(|dag| roots.insert(dag.root));
    family
}

/// Those that are odd in one way each.
pub fn odd_ones() -> Vec<Dag> {
    [parts(), directories(), shards(), others(), nodes()].concat()
}

/// A file of two leaves under every combination of what its root may say of itself and of them.
fn files() -> Vec<Dag> {
    let mut family = Vec::new();
    for kind in [FILE, RAW] {
        for leaves in ["raw", "file", "raw in dag-pb", "identity"] {
            for data in [None, Some(b"own".to_vec())] {
                for tsize in [None, Some(5), Some(u64::MAX)] {
                    for sizes in ["right", "packed", "absent", "one short", "one more", "wrong"] {
                        for size in ["right", "absent", "one more", "without the data"] {
                            let mut maker = Crafted::default();
                            let leaf = |maker: &mut Crafted, bytes: &[u8]| match leaves {
                                "raw" => maker.raw(bytes),
                                "file" => maker.leaf(FILE, bytes),
                                "identity" => identity_cid(CODEC_RAW, bytes),
                                _ => maker.leaf(RAW, bytes),
                            };
                            let links = [leaf(&mut maker, b"first"), leaf(&mut maker, b"other")];
                            let links = links.map(|cid| Link { cid, name: Vec::new(), bytes: 5, tsize });
                            let own = data.as_ref().map_or(0, |data| data.len() as u64);
                            let is_right = matches!(sizes, "right" | "packed");
                            let message = Message {
                                kind,
                                data: data.clone(),
                                size: match size {
                                    "right" => Some(own + 10),
                                    "absent" => None,
                                    "one more" => Some(own + 11),
                                    _ => Some(10),
                                },
                                sizes: match sizes {
                                    "absent" => Vec::new(),
                                    "one short" => vec![5],
                                    "one more" => vec![5, 5, 5],
                                    "wrong" => vec![6, 4],
                                    _ => vec![5, 5],
                                },
                                is_packed: sizes == "packed",
                            };
                            let root = maker.node(&links, &message.bytes());
                            let taken = is_right
                                && (matches!(size, "right" | "absent") || own == 0 && size == "without the data");
                            let what = format!(
                                "a root of type {kind} with leaves of {leaves}, {own} bytes of its own, Tsize {tsize:?}, \
                                 block sizes {sizes}, file size {size}"
                            );
                            let differs = size != "right" || !is_right;
                            family.push(if differs {
                                maker.disputed(what, root, taken)
                            } else {
                                maker.done(what, root, taken)
                            });
                        }
                    }
                }
            }
        }
    }
    family
}

/// What stands in the place of a file's part.
fn parts() -> Vec<Dag> {
    let mut family = Vec::new();
    let mut with = |what: &str, bytes: u64, taken: bool, agrees: bool, part: &dyn Fn(&mut Crafted) -> Cid| {
        let mut maker = Crafted::default();
        let first = maker.raw(b"first");
        let part = part(&mut maker);
        let last = maker.raw(b"last");
        let root = maker.file(&[Link::new(first, "", 5), Link::new(part, "", bytes), Link::new(last, "", 4)]);
        let what = format!("a file with a part that is {what}");
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    with("a file of its own", 3, true, true, &|maker| {
        let links = [maker.raw(b"a"), maker.leaf(FILE, b"bc")];
        maker.file(&[Link::new(links[0], "", 1), Link::new(links[1], "", 2)])
    });
    with("longer than is said", 3, false, false, &|maker| maker.raw(b"four"));
    with("a node that is longer than is said", 3, false, false, &|maker| maker.leaf(FILE, b"four"));
    with("shorter than is said", 5, false, false, &|maker| maker.raw(b"four"));
    with("missing", 4, false, true, &|_| cid_of(CODEC_RAW, b"nowhere"));
    with("missing, and without bytes", 0, false, false, &|_| cid_of(CODEC_RAW, b"nowhere"));
    with("a node that is missing", 4, false, true, &|_| cid_of(CODEC_DAG_PB, b"nowhere"));
    with("empty", 0, true, true, &|maker| maker.raw(b""));
    with("an empty node", 0, true, true, &|maker| maker.leaf(FILE, b""));
    with("an identity node", 2, true, true, &|_| identity_cid(CODEC_DAG_PB, &[0x0a, 6, 8, 2, 0x12, 2, b'h', b'i']));
    with("a directory", 0, false, false, &|maker| maker.directory(&[]));
    with("a directory that is said to have bytes", 4, false, false, &|maker| maker.directory(&[]));
    with("a symlink", 4, false, false, &|maker| maker.symlink(b"last"));
    with("a shard", 4, false, false, &|maker| maker.shard(256, &[], &[]));
    with("of another codec", 1, false, false, &|maker| maker.put(CODEC_DAG_CBOR, vec![0xa0]));
    with("a node of no UnixFS", 1, false, false, &|maker| maker.put(CODEC_DAG_PB, Vec::new()));
    with("a look-alike of the first", 5, false, true, &|_| {
        crafted_cid(CODEC_RAW, HASH_SHA2_256, &Sha256::digest(b"first")[..20])
    });
    let mut chain = |nodes: usize, taken: bool| {
        let mut maker = Crafted::default();
        let mut root = maker.raw(b"deep");
        for _ in 0..nodes {
            root = maker.file(&[Link::new(root, "", 4)]);
        }
        let what = format!("a file of {nodes} nodes one below the other");
        family.push(if taken { maker.done(what, root, true) } else { maker.disputed(what, root, false) });
    };
    chain(64, true);
    chain(65, false);
    let mut maker = Crafted::default();
    let leaf = maker.raw(b"again");
    let inner = maker.file(&vec![Link::new(leaf, "", 5); 20]);
    let root = maker.file(&vec![Link::new(inner, "", 100); 20]);
    family.push(maker.done("a file that repeats itself", root, true));
    let mut maker = Crafted::default();
    let leaf = maker.raw(b"x");
    let sizes = Message { kind: FILE, sizes: vec![u64::MAX, 1], ..Message::default() };
    let root = maker.node(&[Link::new(leaf, "", 1), Link::new(leaf, "", 1)], &sizes.bytes());
    family.push(maker.disputed("a file of more than 64 bits", root, false));
    family
}

/// Names and entries.
fn directories() -> Vec<Dag> {
    let mut family = Vec::new();
    let mut named = |what: &str, names: &[&[u8]], taken: bool, agrees: bool| {
        let mut maker = Crafted::default();
        let links: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let cid = maker.raw(format!("file {number}").as_bytes());
                Link { cid, name: name.to_vec(), bytes: 0, tsize: Some(6) }
            })
            .collect();
        let root = maker.directory(&links);
        let what = format!("a directory with {what}");
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    named("no entries", &[], true, true);
    named("two entries", &[b"a", b"b"], true, true);
    named("entries that are not sorted", &[b"b", b"a", b"c"], true, true);
    named("a name twice", &[b"a", b"a"], false, false);
    named("a name twice, far apart", &[b"b", b"a", b"b"], false, false);
    named("a name that is empty", &[b""], false, false);
    named("a name that is a dot", &[b"."], false, false);
    named("a name that is two dots", &[b".."], false, false);
    named("a name that is three dots", &[b"..."], true, true);
    named("a name with a slash", &[b"a/b"], false, false);
    named("a name that is a slash", &[b"/"], false, false);
    named("a name with a NUL", &[b"a\0b"], false, false);
    named("odd names", &[b" ", b"%41", b"?", b"\\", b"\xc3\xa4", b"\n"], true, true);
    named("a name that is no UTF-8", &[b"M\xfcller", b"plain"], true, false);
    named("names that are one as text", &[b"%FF", b"\xff"], false, false);
    let mut with = |what: &str, taken: bool, agrees: bool, entry: &dyn Fn(&mut Crafted) -> Cid| {
        let mut maker = Crafted::default();
        let first = maker.raw(b"first");
        let entry = entry(&mut maker);
        let root = maker.directory(&[Link::new(first, "a", 5), Link::new(entry, "b", 1), Link::new(first, "c", 5)]);
        let what = format!("a directory with an entry that is {what}");
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    with("missing", false, true, &|_| cid_of(CODEC_RAW, b"nowhere"));
    with("of another codec", false, false, &|maker| maker.put(CODEC_DAG_CBOR, vec![0xa0]));
    with("a symlink", true, true, &|maker| maker.symlink(b"a"));
    with("an identity file", true, true, &|_| identity_cid(CODEC_RAW, b"inline"));
    with("an identity directory", true, true, &|_| identity_cid(CODEC_DAG_PB, &[0x0a, 2, 8, 1]));
    with("a directory", true, true, &|maker| {
        let file = maker.leaf(FILE, b"deep");
        maker.directory(&[Link::new(file, "d", 4)])
    });
    with("a broken file", false, false, &|maker| {
        let leaf = maker.raw(b"four");
        maker.file(&[Link::new(leaf, "", 5)])
    });
    with("a sharded directory", true, true, &|maker| maker.trie(256, &names(9), 0));
    with("a part of a sharded directory", false, false, &|maker| {
        let below = maker.trie(256, &crowded(256), 8);
        maker.retain(|cid| *cid == below || cid.codec() == CODEC_RAW);
        below
    });
    for (what, message) in [
        ("data", Message { kind: DIRECTORY, data: Some(b"data".to_vec()), ..Message::default() }),
        ("a file size", Message { kind: DIRECTORY, size: Some(7), ..Message::default() }),
        ("block sizes", Message { kind: DIRECTORY, sizes: vec![7], ..Message::default() }),
    ] {
        let mut maker = Crafted::default();
        let file = maker.raw(b"file");
        let root = maker.node(&[Link::new(file, "f", 4)], &message.bytes());
        family.push(maker.done(format!("a directory with {what}"), root, true));
    }
    for (tsize, what) in [(None, "no Tsize"), (Some(0), "a Tsize of 0"), (Some(u64::MAX), "the largest Tsize")] {
        let mut maker = Crafted::default();
        let cid = maker.raw(b"file");
        let links = ["a", "b"].map(|name| Link { cid, name: name.into(), bytes: 0, tsize });
        let root = maker.directory(&links);
        family.push(maker.done(format!("a directory with {what}"), root, true));
    }
    for (directories, taken) in [(257, true), (258, false)] {
        let mut maker = Crafted::default();
        let mut root = maker.directory(&[]);
        for _ in 1..directories {
            root = maker.directory(&[Link::new(root, "d", 1)]);
        }
        let what = format!("{directories} directories one below the other");
        family.push(if taken { maker.done(what, root, true) } else { maker.disputed(what, root, false) });
    }
    family
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("file {number}")).collect()
}

/// Names that stand in one slot of the root.
fn crowded(fanout: u64) -> Vec<String> {
    let all = names(20_000);
    all.into_iter().skip(40).filter(|name| slot_of(name, fanout, 0) == 1).take(3).collect()
}

fn shards() -> Vec<Dag> {
    let mut family = Vec::new();
    for fanout in [8, 16, 64, 256, 1024] {
        let mut maker = Crafted::default();
        let root = maker.trie(fanout, &[names(40), crowded(fanout)].concat(), 0);
        family.push(maker.done(format!("a sharded directory of fan-out {fanout}"), root, true));
    }
    let name = "file 0";
    let mut with = |what: &str, taken: bool, agrees: bool, make: &dyn Fn(&mut Crafted, Cid) -> Cid| {
        let mut maker = Crafted::default();
        let file = maker.raw(name.as_bytes());
        let root = make(&mut maker, file);
        let what = format!("a sharded directory with {what}");
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    let slot = slot_of(name, 256, 0);
    let at = move |slot: u64, file: Cid| Link::new(file, &format!("{slot:02X}{name}"), 1);
    let other = (slot + 1) % 256;
    with("one entry", true, true, &|maker, file| maker.shard(256, &[at(slot, file)], &[slot]));
    with("no entry", true, true, &|maker, _| maker.shard(256, &[], &[]));
    with("a name in a wrong slot", false, false, &|maker, file| maker.shard(256, &[at(other, file)], &[other]));
    with("a slot twice", false, false, &|maker, file| maker.shard(256, &[at(slot, file), at(slot, file)], &[slot]));
    with("a link without a slot", false, false, &|maker, file| maker.shard(256, &[Link::new(file, "0", 1)], &[0]));
    with("a slot in small letters", false, false, &|maker, file| {
        maker.shard(256, &[Link::new(file, "abx", 1)], &[0xab])
    });
    with("a wrong list of slots", false, false, &|maker, file| maker.shard(256, &[at(slot, file)], &[other]));
    with("an empty list of slots", false, false, &|maker, file| maker.shard(256, &[at(slot, file)], &[]));
    with("an empty shard below", false, false, &|maker, _| {
        let below = maker.shard(256, &[], &[]);
        maker.shard(256, &[Link::new(below, "00", 1)], &[0])
    });
    with("a file in a shard's place", false, false, &|maker, file| maker.shard(256, &[Link::new(file, "00", 1)], &[0]));
    with("a missing shard below", false, true, &|maker, _| {
        maker.shard(256, &[Link::new(cid_of(CODEC_DAG_PB, b"nowhere"), "00", 1)], &[0])
    });
    with("another fan-out below", false, false, &|maker, _| {
        let below = maker.trie(64, &crowded(256), 8);
        maker.shard(256, &[Link::new(below, "01", 1)], &[1])
    });
    with("a slash in a name", false, false, &|maker, file| {
        let slot = slot_of("a/b", 256, 0);
        maker.shard(256, &[Link::new(file, &format!("{slot:02X}a/b"), 1)], &[slot])
    });
    with("another hash", false, false, &|maker, file| maker.shard_with(256, 0x12, &[at(slot, file)], &[slot]));
    for fanout in [4, 12, 2048] {
        with(&format!("a fan-out of {fanout}"), false, false, &|maker, _| maker.shard(fanout, &[], &[]));
    }
    family
}

/// Symlinks, and roots of other kinds.
fn others() -> Vec<Dag> {
    let mut family = Vec::new();
    let mut is = |what: &str, taken: bool, agrees: bool, make: &dyn Fn(&mut Crafted) -> Cid| {
        let mut maker = Crafted::default();
        let root = make(&mut maker);
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    is("a symlink", true, true, &|maker| maker.symlink(b"../there"));
    is("a symlink to nothing", false, false, &|maker| maker.symlink(b""));
    is("a symlink with a NUL", false, false, &|maker| maker.symlink(b"a\0b"));
    is("a symlink with links", false, false, &|maker| {
        let file = maker.raw(b"file");
        let message = Message { kind: SYMLINK, data: Some(b"x".to_vec()), ..Message::default() };
        maker.node(&[Link::new(file, "", 1)], &message.bytes())
    });
    is("a raw block", true, true, &|maker| maker.raw(b"raw"));
    is("a raw block that is empty", true, true, &|maker| maker.raw(b""));
    is("an identity file", true, true, &|_| identity_cid(CODEC_RAW, b"inline"));
    is("a block of another codec", false, false, &|maker| maker.put(CODEC_DAG_CBOR, vec![0xa0]));
    is("an empty file without a size", true, true, &|maker| maker.node(&[], &message(FILE)));
    is("a missing root", false, true, &|maker| {
        maker.raw(b"something else");
        cid_of(CODEC_RAW, b"nowhere")
    });
    is("a file with mode and time", true, true, &|maker| {
        let mut bytes =
            Message { kind: FILE, data: Some(b"old".to_vec()), size: Some(3), ..Message::default() }.bytes();
        bytes.extend([0x38, 0xa4, 3, 0x42, 2, 8, 1]);
        maker.node(&[], &bytes)
    });
    family
}

/// What dag-pb and UnixFS messages may be like.
fn nodes() -> Vec<Dag> {
    let mut family = Vec::new();
    let mut is = |what: &str, taken: bool, agrees: bool, make: &dyn Fn(&mut Crafted, &[Link]) -> Vec<u8>| {
        let mut maker = Crafted::default();
        let links = ["a", "b"].map(|name| Link::new(maker.raw(name.as_bytes()), name, 1));
        let block = make(&mut maker, &links);
        let root = maker.put(CODEC_DAG_PB, block);
        let what = format!("a node with {what}");
        family.push(if agrees { maker.done(what, root, taken) } else { maker.disputed(what, root, taken) });
    };
    let data = |out: &mut Vec<u8>| push_field(out, 0x0a, &message(DIRECTORY));
    is("nothing in it", false, false, &|_, _| Vec::new());
    is("links and no data", false, false, &|_, links| links_of(links));
    is("its data first", true, true, &|_, links| {
        let mut out = Vec::new();
        data(&mut out);
        [out, links_of(links)].concat()
    });
    is("links on both sides of its data", false, true, &|_, links| {
        let mut out = links_of(&links[..1]);
        data(&mut out);
        [out, links_of(&links[1..])].concat()
    });
    is("its data twice", false, true, &|_, links| {
        let mut out = links_of(links);
        data(&mut out);
        data(&mut out);
        out
    });
    is("a field that is unknown", false, true, &|_, links| {
        let mut out = links_of(links);
        data(&mut out);
        push_field(&mut out, 0x1a, b"new");
        out
    });
    is("a cut field", false, true, &|_, _| vec![0x0a, 5, 8, 1]);
    is("a link whose name comes first", false, true, &|_, links| {
        let mut link = Vec::new();
        push_field(&mut link, 0x12, b"a");
        push_field(&mut link, 0x0a, &links[0].cid.to_bytes());
        let mut out = Vec::new();
        push_field(&mut out, 0x12, &link);
        data(&mut out);
        out
    });
    is("a link without a CID", false, true, &|_, _| {
        let mut out = Vec::new();
        push_field(&mut out, 0x12, &[0x12, 1, b'a']);
        data(&mut out);
        out
    });
    for (what, bytes) in [
        ("no type", vec![0x12, 1, b'x']),
        ("an unknown type", message(9)),
        ("the type of metadata", message(METADATA)),
        ("an unknown field in its message", [message(DIRECTORY), vec![0x48, 1]].concat()),
        ("its type twice", [message(FILE), message(DIRECTORY)].concat()),
    ] {
        is(what, false, false, &|_, links| {
            let mut out = links_of(links);
            push_field(&mut out, 0x0a, &bytes);
            out
        });
    }
    family
}
