//! Listings: registrations that their owner publishes in the marketplace, and forks of them.

use super::{
    id::{ForkId, ListingId, OrganizationId, RegistrationId},
    limits::{SEARCH_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX, TITLE_CHARS_MAX, TITLE_CHARS_MIN},
    name::{EventName, Version},
    time::Time,
};
use crate::{error::Result, fail};

/// One version of an event that its owner publishes to every organization.
#[derive(Clone, Debug)]
pub struct Listing {
    pub id: ListingId,
    /// The owner of the event.
    pub publisher_id: OrganizationId,
    /// The publisher's registration, whose schema never changes.
    pub registration_id: RegistrationId,
    pub event: EventName,
    pub version: Version,
    pub texts: Texts,
    pub status: Status,
    /// The number of times it was forked.
    pub fork_count: i64,
    /// The caller service that published it.
    pub published_by: String,
    /// When it was first published; lists are in this order.
    pub published_at: Time,
    /// Set while the publisher hides it.
    pub unpublished_at: Option<Time>,
    pub created_at: Time,
    /// When the publisher, or the archiving of the registration, last changed it.
    pub updated_at: Time,
}

/// The texts of a listing, byte for byte as the publisher wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// A short name for people.
    pub title: String,
    pub description: Option<String>,
    /// Words to find it by, in the publisher's order.
    pub tags: Vec<String>,
}

/// The state of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every organization sees the listing and may fork it.
    Published,
    /// Only the publisher sees the listing.
    Unpublished,
    /// The registration was archived, which is final.
    Archived,
}

impl Status {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Archived => "archived",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Published, Self::Unpublished, Self::Archived].into_iter().find(|status| status.as_str() == text)
    }
}

impl Listing {
    /// `TENANT_CUSTOM:<publisher>:<namespace>.<name>@<version>`.
    pub fn source_canonical_name(&self) -> String {
        self.event.canonical(&self.publisher_id, self.version)
    }

    /// Hides the listing. Code `already_unpublished`, also when it is archived.
    pub fn unpublish(&mut self, now: Time) -> Result<()> {
        if self.status != Status::Published {
            return Err(fail!(AlreadyUnpublished, "the listing is {}", self.status.as_str()));
        }
        self.status = Status::Unpublished;
        self.unpublished_at = Some(now);
        self.updated_at = now;
        Ok(())
    }

    /// Shows the listing again, at its old place. Codes `already_published`, `archived_listing`.
    pub fn republish(&mut self, now: Time) -> Result<()> {
        match self.status {
            Status::Published => return Err(fail!(AlreadyPublished, "the listing is published")),
            Status::Archived => {
                return Err(fail!(ArchivedListing, "the registration is archived; list its next version instead"));
            }
            Status::Unpublished => {}
        }
        self.status = Status::Published;
        self.unpublished_at = None;
        self.updated_at = now;
        Ok(())
    }
}

impl Texts {
    /// Checks title and tags, and keeps them as they are. Codes `invalid_title` and
    /// `invalid_request`.
    pub fn new(title: &str, description: Option<String>, tags: &[String]) -> Result<Self> {
        let length = title.chars().count();
        let is_legal = (TITLE_CHARS_MIN..=TITLE_CHARS_MAX).contains(&length)
            && !title.chars().any(char::is_control)
            && !title.trim().is_empty();
        if !is_legal {
            return Err(fail!(
                InvalidTitle,
                "a title has {TITLE_CHARS_MIN} to {TITLE_CHARS_MAX} characters, not only white space, and no control \
                 characters"
            ));
        }
        if tags.len() > TAGS_MAX {
            return Err(fail!(InvalidRequest, "a listing has at most {TAGS_MAX} tags"));
        }
        let is_tag =
            |tag: &String| (1..=TAG_CHARS_MAX).contains(&tag.chars().count()) && !tag.chars().any(char::is_control);
        if !tags.iter().all(is_tag) {
            return Err(fail!(InvalidRequest, "a tag has 1 to {TAG_CHARS_MAX} characters and no control characters"));
        }
        Ok(Self { title: title.to_owned(), description, tags: tags.to_vec() })
    }

    /// The text that a search looks at: title and description, in one case. A title has no line feed, so no
    /// term spans both.
    pub fn searchable(&self) -> String {
        fold(&format!("{}\n{}", self.title, self.description.as_deref().unwrap_or_default()))
    }
}

/// A term that is looked for in titles and descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    /// Checks the term; code `invalid_request`.
    pub fn new(term: &str) -> Result<Self> {
        if term.chars().count() > SEARCH_CHARS_MAX || term.chars().any(char::is_control) {
            return Err(fail!(
                InvalidRequest,
                "search has at most {SEARCH_CHARS_MAX} characters and no control characters"
            ));
        }
        Ok(Self(fold(term)))
    }

    /// The pattern for `like … escape '\'` on [`Texts::searchable`]: the term anywhere, with
    /// nothing in it that stands for other characters.
    pub fn pattern(&self) -> String {
        let mut pattern = String::from("%");
        for character in self.0.chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        pattern
    }
}

/// Makes letters of both cases one, in every script, so that neither database has to know how.
/// Each character is folded by itself, so that a part of a text is a part of the folded text.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The record that a registration came from a listing.
#[derive(Clone, Debug)]
pub struct Fork {
    pub id: ForkId,
    /// The listing that was forked.
    pub listing_id: ListingId,
    /// The publisher of the listing.
    pub publisher_id: OrganizationId,
    /// The publisher's name of the event.
    pub source_canonical_name: String,
    /// The new registration.
    pub registration_id: RegistrationId,
    /// The caller service that forked it.
    pub forked_by: String,
    pub created_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn texts(title: &str, tags: &[String]) -> Result<Texts, Code> {
        Texts::new(title, None, tags).map_err(|error| error.code())
    }

    #[test]
    fn title_chars_min() {
        assert_eq!(texts("éé", &[]), Err(Code::InvalidTitle));
        assert_eq!(texts("   ", &[]), Err(Code::InvalidTitle));
        assert_eq!(texts("", &[]), Err(Code::InvalidTitle));
        let kept = texts("  é ", &[]).map(|texts| texts.title);
        assert_eq!(kept.as_deref(), Ok("  é "), "nothing is trimmed");
    }

    #[test]
    fn title_chars_max() {
        assert!(texts(&"é".repeat(TITLE_CHARS_MAX), &[]).is_ok());
        assert_eq!(texts(&"é".repeat(TITLE_CHARS_MAX + 1), &[]), Err(Code::InvalidTitle));
        assert_eq!(texts("two\nlines", &[]), Err(Code::InvalidTitle));
    }

    #[test]
    fn tags_max() {
        let tags: Vec<String> = (0..=TAGS_MAX).map(|n| format!("tag {n}")).collect();
        assert!(texts("title", &tags[1..]).is_ok());
        assert_eq!(texts("title", &tags), Err(Code::InvalidRequest));
    }

    #[test]
    fn tag_chars_max() {
        assert!(texts("title", &["é".repeat(TAG_CHARS_MAX)]).is_ok());
        for wrong in ["é".repeat(TAG_CHARS_MAX + 1), String::new(), "a\u{0}".to_owned()] {
            assert_eq!(texts("title", &[wrong]), Err(Code::InvalidRequest));
        }
    }

    #[test]
    fn search_chars_max() {
        assert!(Search::new(&"é".repeat(SEARCH_CHARS_MAX)).is_ok());
        let refused = |term: &str| Search::new(term).map_err(|error| error.code());
        assert_eq!(refused(&"é".repeat(SEARCH_CHARS_MAX + 1)), Err(Code::InvalidRequest));
        assert_eq!(refused("a\nb"), Err(Code::InvalidRequest));
    }

    #[test]
    fn terms_are_found_whatever_their_case() {
        for (term, text) in [
            ("PROPERTY", "a property"),
            ("straSSE", "Hauptstraße 1"),
            ("ΟΔΟΣ", "οδός οδος"),
            ("οδος", "ΟΔΟΣΑ"),
            ("ÉTÉ", "un été"),
            ("привет", "ПРИВЕТ, МИР"),
            ("日本", "日本語"),
            ("istanbul", "ISTANBUL"),
        ] {
            assert!(fold(text).contains(&fold(term)), "{term} in {text}");
        }
        assert!(!fold("a property").contains(&fold("proper ty")));
    }

    #[test]
    fn nothing_in_a_term_stands_for_other_characters() {
        let pattern = |term: &str| Search::new(term).expect("legal").pattern();
        assert_eq!(pattern("50%_\\"), "%50\\%\\_\\\\%");
        assert_eq!(pattern("Plain"), "%plain%");
    }

    fn listing(status: Status) -> Listing {
        let now = Time::from_millis(1);
        Listing {
            id: ListingId::stored("mkl_1"),
            publisher_id: OrganizationId::stored("org_1"),
            registration_id: RegistrationId::stored("cer_1"),
            event: EventName::stored("shop", "order"),
            version: Version::new(1, 0, 0),
            texts: Texts { title: "Orders".to_owned(), description: None, tags: Vec::new() },
            status,
            fork_count: 0,
            published_by: "test".to_owned(),
            published_at: now,
            unpublished_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn a_listing_moves_between_two_states_until_it_is_archived() {
        let later = Time::from_millis(2);
        let unpublish = |status| listing(status).unpublish(later).map_err(|error| error.code());
        assert_eq!(unpublish(Status::Published), Ok(()));
        assert_eq!(unpublish(Status::Unpublished), Err(Code::AlreadyUnpublished));
        assert_eq!(unpublish(Status::Archived), Err(Code::AlreadyUnpublished));
        let republish = |status| listing(status).republish(later).map_err(|error| error.code());
        assert_eq!(republish(Status::Unpublished), Ok(()));
        assert_eq!(republish(Status::Published), Err(Code::AlreadyPublished));
        assert_eq!(republish(Status::Archived), Err(Code::ArchivedListing));
    }

    #[test]
    fn republishing_keeps_the_place_in_the_list() {
        let mut listing = listing(Status::Published);
        listing.unpublish(Time::from_millis(2)).expect("it is published");
        assert_eq!(listing.unpublished_at, Some(Time::from_millis(2)));
        listing.republish(Time::from_millis(3)).expect("it is hidden");
        assert_eq!((listing.published_at, listing.unpublished_at), (Time::from_millis(1), None));
    }
}
