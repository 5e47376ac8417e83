//! The orders of a list of pins.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    CreatedAt,
    Size,
    Name,
}

impl SortKey {
    pub(crate) const ALL: [Self; 3] = [Self::CreatedAt, Self::Size, Self::Name];

    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Size => "order_size",
            Self::Name => "name",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortOrder {
    Ascending,
    Descending,
}

impl SortOrder {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }
}
