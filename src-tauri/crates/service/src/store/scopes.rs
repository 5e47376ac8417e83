//! What a key may do.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// One thing that a key may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Make, list and revoke keys.
    Admin,
    /// See pins and usage.
    List,
    /// Upload.
    Pin,
    /// Pin by CID.
    PinByHash,
    /// End pins.
    Unpin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Admin, Self::List, Self::Pin, Self::PinByHash, Self::Unpin];

    /// Its name, as it is typed and stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::List => "list",
            Self::Pin => "pin",
            Self::PinByHash => "pin_by_hash",
            Self::Unpin => "unpin",
        }
    }
}

/// A set of [`Scope`]s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Everything is allowed.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.into())
    }

    /// Whether that is allowed.
    #[must_use]
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub(crate) fn stored(&self) -> String {
        self.to_string()
    }

    /// Words that are not known allow nothing.
    pub(crate) fn from_stored(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|scope| scope.name()).collect();
        formatter.write_str(&names.join(" "))
    }
}

/// A word that names no [`Scope`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are: admin, list, pin, pin_by_hash, unpin")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or(UnknownScope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_stored_as_words() {
        let scopes = Scopes::from_iter([Scope::Unpin, Scope::List]);
        assert_eq!(scopes.stored(), "list unpin");
        assert_eq!(Scopes::from_stored("list unpin rule_the_world"), scopes);
        assert_eq!(Scopes::from_stored(&Scopes::all().stored()), Scopes::all());
    }
}
